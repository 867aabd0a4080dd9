// Vert.x's MySQL client, told what to do: `java VertxClient DRIVER`; see Cases.java.

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.ClientSSLOptions;
import io.vertx.core.net.PemTrustOptions;
import io.vertx.mysqlclient.MySQLAuthOptions;
import io.vertx.mysqlclient.MySQLConnectOptions;
import io.vertx.mysqlclient.MySQLConnection;
import io.vertx.mysqlclient.MySQLException;
import io.vertx.mysqlclient.SslMode;
import io.vertx.sqlclient.Cursor;
import io.vertx.sqlclient.PreparedStatement;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import io.vertx.sqlclient.data.Numeric;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

public final class VertxClient implements Cases.Session {
    private final MySQLConnection connection;

    private VertxClient(MySQLConnection connection) {
        this.connection = connection;
    }

    /** Waits, and says what the server has said. */
    private static <T> T done(Future<T> work) throws Cases.Failure {
        try {
            return work.toCompletionStage().toCompletableFuture().get(30, TimeUnit.SECONDS);
        } catch (ExecutionException problem) {
            Throwable cause = problem.getCause();
            throw new Cases.Failure(cause instanceof MySQLException said ? said.getErrorCode() : 0, cause);
        } catch (InterruptedException | TimeoutException problem) {
            throw new Cases.Failure(0, problem);
        }
    }

    private static List<List<String>> rows(RowSet<Row> found) {
        List<List<String>> all = new ArrayList<>();
        for (Row row : found) {
            List<String> cells = new ArrayList<>();
            for (int i = 0; i < row.size(); i++) {
                Object cell = row.getValue(i);
                cells.add(cell == null ? "" : cell.toString());
            }
            all.add(cells);
        }
        return all;
    }

    @Override
    public List<List<String>> query(String sql) throws Cases.Failure {
        return rows(done(connection.query(sql).execute()));
    }

    @Override
    public List<List<String>> prepared(String sql, List<?> values) throws Cases.Failure {
        return rows(done(connection.preparedQuery(sql).execute(Tuple.wrap(values.toArray()))));
    }

    @Override
    public List<Integer> multi(String sql) throws Cases.Failure {
        List<Integer> counts = new ArrayList<>();
        RowSet<Row> found = done(connection.query(sql).execute());
        for (; found != null; found = found.next()) {
            counts.add(found.size());
        }
        return counts;
    }

    @Override
    public int cursor(String sql, int size) throws Cases.Failure {
        PreparedStatement statement = done(connection.prepare(sql));
        Cursor cursor = statement.cursor();
        int count = 0;
        do {
            count += done(cursor.read(size)).size();
        } while (cursor.hasMore());
        done(cursor.close());
        done(statement.close());
        return count;
    }

    private static Object bound(String kind, String word) {
        return switch (kind) {
            case "null" -> null;
            case "blob" -> Buffer.buffer(HexFormat.of().parseHex(word));
            case "unsigned", "decimal" -> Numeric.create(word.equals("") ? null : new java.math.BigDecimal(word));
            default -> Values.bound(kind, word);
        };
    }

    @Override
    public int typed(String sql, List<?> values) throws Cases.Failure {
        List<Object> given = new ArrayList<>();
        for (Object value : values) {
            given.add(bound((String) ((List<?>) value).get(0), (String) ((List<?>) value).get(1)));
        }
        return done(connection.preparedQuery(sql).execute(Tuple.wrap(given))).rowCount();
    }

    @Override
    public int batch(String sql, List<?> rows) throws Cases.Failure {
        List<Tuple> sets = new ArrayList<>();
        rows.forEach(row -> sets.add(Tuple.wrap(Cases.plainValues((List<?>) row))));
        int total = 0;
        RowSet<Row> found = done(connection.preparedQuery(sql).executeBatch(sets));
        for (; found != null; found = found.next()) {
            total += found.rowCount();
        }
        return total;
    }

    @Override
    public int load(String sql) throws Cases.Failure {
        return done(connection.query(sql).execute()).rowCount();
    }

    @Override
    public List<Integer> together(List<?> statements) throws Cases.Failure {
        List<Future<RowSet<Row>>> sent = new ArrayList<>();
        statements.forEach(sql -> sent.add(connection.query((String) sql).execute()));
        List<Integer> counts = new ArrayList<>();
        for (Future<RowSet<Row>> each : sent) {
            counts.add(done(each).size());
        }
        return counts;
    }

    @Override
    public void changeUser(String user, String password, String database) throws Cases.Failure {
        MySQLAuthOptions other = new MySQLAuthOptions().setUser(user).setPassword(password).setDatabase(database);
        done(connection.changeUser(other));
    }

    @Override
    public void reset() throws Cases.Failure {
        done(connection.resetConnection());
    }

    @Override
    public void ping() throws Cases.Failure {
        done(connection.ping());
    }

    @Override
    public void close() throws Cases.Failure {
        done(connection.close());
    }

    private static MySQLConnectOptions options(Cases.Case each) {
        MySQLConnectOptions chosen = new MySQLConnectOptions()
            .setHost(each.host)
            .setPort(each.port)
            .setUser(each.user)
            .setPassword(each.password)
            .setDatabase(each.database)
            .setSslMode(each.verify ? SslMode.VERIFY_CA : each.tls ? SslMode.REQUIRED : SslMode.DISABLED);
        each.attributes.forEach(chosen::addProperty);
        if (each.steps.stream().anyMatch(words -> words.get(0).equals("together"))) {
            chosen.setPipeliningLimit(8);
        }
        if (each.tls) {
            ClientSSLOptions trust = new ClientSSLOptions().setHostnameVerificationAlgorithm("");
            chosen.setSslOptions(
                each.verify
                    ? trust.setTrustOptions(new PemTrustOptions().addCertPath(each.ca))
                    : trust.setTrustAll(true)
            );
        }
        return chosen;
    }

    public static void main(String[] arguments) throws Cases.Failure {
        Vertx vertx = Vertx.vertx();
        Cases.main(each -> new VertxClient(done(MySQLConnection.connect(vertx, options(each)))));
        done(vertx.close());
    }
}
