// mysql-binlog-connector-java: `java Reader HOST PORT USER PASSWORD SERVER_ID FLAVOR FILE POSITION END`.
// A line for each event: where the next one begins, and the rows that it wrote, as JSON. Ends with the one at END.

import com.github.shyiko.mysql.binlog.BinaryLogClient;
import com.github.shyiko.mysql.binlog.event.EventHeaderV4;
import com.github.shyiko.mysql.binlog.event.WriteRowsEventData;
import com.github.shyiko.mysql.binlog.network.SSLMode;
import com.google.gson.Gson;
import java.io.IOException;
import java.util.Arrays;

/** Reads up to END. */
public final class Reader {
    private Reader() {}

    /** Connects, and says what comes. */
    public static void main(String[] words) throws IOException {
        BinaryLogClient client = new BinaryLogClient(words[0], Integer.parseInt(words[1]), words[2], words[3]);
        long end = Long.parseLong(words[8]);
        Gson json = new Gson().newBuilder().serializeNulls().create();
        client.setSSLMode(SSLMode.DISABLED);
        client.setServerId(Long.parseLong(words[4]));
        client.setBinlogFilename(words[6]);
        client.setBinlogPosition(Long.parseLong(words[7]));
        client.setKeepAlive(false);
        client.registerEventListener(event -> {
            long next = ((EventHeaderV4) event.getHeader()).getNextPosition();
            Object rows = event.getData() instanceof WriteRowsEventData written ? written.getRows() : null;
            System.out.println(json.toJson(Arrays.asList(next, rows)));
            if (next >= end) {
                try {
                    client.disconnect();
                } catch (IOException problem) {
                    System.err.println(problem.getMessage());
                }
            }
        });
        client.connect();
    }
}
