// What every Java client does: cases as JSON on standard input, a line for each.

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

final class Cases {
    static final class Case {
        String name;
        String host;
        int port;
        String user;
        String password;
        String database;
        boolean tls;
        boolean compress;
        boolean zstd;
        boolean verify;
        String ca;
        boolean multi;
        boolean infile;
        boolean pool;
        Map<String, String> attributes;
        List<String> identify;
        List<List<Object>> steps;
    }

    static final class Result {
        String name;
        Integer error;
        String message = "";
        final List<String> problems = new ArrayList<>();
        long start_ns;
        long end_ns;
        Long connection_id;
        String version;
        Map<String, String> attributes;
        Map<String, String> status;
        // Commands that the driver or its pool sends by itself and the servers do not log.
        final Map<String, Integer> unlogged = new LinkedHashMap<>();
    }

    /** What the server, or the driver, says went wrong; 0 where it has no number. */
    static final class Failure extends Exception {
        final int code;

        Failure(int code, Throwable cause) {
            super(String.valueOf(cause.getMessage()), cause);
            this.code = code;
        }
    }

    /** A connection of the driver at hand. What it has no call for it never does: its row says so. */
    interface Session {
        List<List<String>> query(String sql) throws Failure;

        List<List<String>> prepared(String sql, List<?> values) throws Failure;

        /** Rows of each result of several statements. */
        List<Integer> multi(String sql) throws Failure;

        /** What a procedure puts into its parameters. */
        default List<String> call(int given, int total) throws Failure {
            query("SET @total = " + total);
            query("CALL doubled(" + given + ", @total, @said)");
            return query("SELECT @total, @said").get(0);
        }

        /** Rows of a statement that are fetched so many at a time. */
        default int cursor(String sql, int size) throws Failure {
            throw new UnsupportedOperationException("cursor");
        }

        /** Rows that a statement has written: its parameters are (type, text). */
        int typed(String sql, List<?> values) throws Failure;

        /** Rows that a statement has written, done with several sets of a text and a number. */
        int batch(String sql, List<?> rows) throws Failure;

        int load(String sql) throws Failure;

        /** Rows of statements that are sent without waiting in between. */
        default List<Integer> together(List<?> statements) throws Failure {
            throw new UnsupportedOperationException("together");
        }

        default String patience(String sql) throws Failure {
            throw new UnsupportedOperationException("patience");
        }

        default void changeUser(String user, String password, String database) throws Failure {
            throw new UnsupportedOperationException("change user");
        }

        default void reset() throws Failure {
            throw new UnsupportedOperationException("reset");
        }

        void ping() throws Failure;

        /** Commands of the pool itself, by their names. */
        default Map<String, Integer> unlogged() {
            return Map.of();
        }

        void close() throws Failure;
    }

    interface Connector {
        Session connect(Case each) throws Failure;
    }

    private Cases() {}

    private static int number(Object value) {
        // Numbers of JSON are doubles here.
        return ((Double) value).intValue();
    }

    static List<Object> plainValues(List<?> values) {
        List<Object> found = new ArrayList<>();
        values.forEach(value -> found.add(value instanceof Double number ? (Object) number.longValue() : value));
        return found;
    }

    private static String idle(Session session, String sql, int milliseconds) {
        try {
            Thread.sleep(milliseconds);
            session.query(sql);
            return "still there";
        } catch (Failure | InterruptedException problem) {
            return "lost";
        }
    }

    private static Object deed(Session session, List<Object> words) throws Failure {
        String sql = words.get(1) instanceof String text ? text : "";
        return switch ((String) words.get(0)) {
            case "query" -> (double) session.query(sql).size();
            case "prepared" -> (double) session.prepared(sql, plainValues((List<?>) words.get(2))).size();
            case "multi" -> session.multi(sql);
            case "call" -> session.call(number(words.get(1)), number(words.get(2)));
            case "cursor" -> session.cursor(sql, number(words.get(2)));
            case "typed" -> session.typed(sql, (List<?>) words.get(2));
            case "batch" -> session.batch(sql, (List<?>) words.get(2));
            case "load" -> session.load(sql);
            case "together" -> session.together((List<?>) words.get(1));
            case "patience" -> session.patience(sql);
            case "idle" -> idle(session, sql, number(words.get(2)));
            case "fails" -> {
                try {
                    session.query(sql);
                    yield "no error";
                } catch (Failure problem) {
                    yield problem.code;
                }
            }
            default -> "unknown step";
        };
    }

    private static String plain(Object value) {
        return value instanceof List<?> list
            ? list.stream().map(Cases::plain).toList().toString()
            : value instanceof Double number ? Long.toString(number.longValue()) : String.valueOf(value);
    }

    private static Map<String, String> pairs(List<List<String>> rows) {
        Map<String, String> found = new LinkedHashMap<>();
        rows.forEach(row -> found.put(row.get(0), row.get(1)));
        return found;
    }

    private static void step(Session session, List<Object> words, Result result) throws Failure {
        switch ((String) words.get(0)) {
            case "status" -> result.status.putAll(pairs(session.query((String) words.get(1))));
            case "ping" -> session.ping();
            case "reset" -> session.reset();
            case "change_user" ->
                session.changeUser((String) words.get(1), (String) words.get(2), (String) words.get(3));
            default -> {
                String found = plain(deed(session, words));
                if (!found.equals(plain(words.get(words.size() - 1)))) {
                    result.problems.add(words.get(0) + " " + words.get(1) + ": " + found);
                }
            }
        }
    }

    private static void work(Session session, Case each, Result result) throws Failure {
        List<List<List<String>>> found = new ArrayList<>();
        for (String sql : each.identify) {
            found.add(session.query(sql));
        }
        result.connection_id = Long.valueOf(found.get(0).get(0).get(0));
        result.version = found.get(0).get(0).get(1);
        result.attributes = pairs(found.get(1));
        result.status = pairs(found.get(2));
        for (List<Object> words : each.steps) {
            step(session, words, result);
        }
    }

    private static long now() {
        return System.currentTimeMillis() * 1_000_000;
    }

    private static Result run(Connector driver, Case each) {
        Result result = new Result();
        result.name = each.name;
        result.start_ns = now();
        try {
            Session session = driver.connect(each);
            try {
                work(session, each, result);
            } catch (Failure problem) {
                result.problems.add(problem.toString());
            }
            result.unlogged.putAll(session.unlogged());
            try {
                session.close();
            } catch (Failure problem) {
                // One that is lost need not be closed.
                if (each.steps.stream().noneMatch(words -> words.get(0).equals("idle"))) {
                    throw problem;
                }
            }
        } catch (Failure problem) {
            result.error = problem.code;
            result.message = problem.getMessage();
        }
        // Milliseconds only: up to the next one.
        result.end_ns = now() + 1_000_000;
        return result;
    }

    static void main(Connector driver) {
        Gson json = new Gson();
        var input = new InputStreamReader(System.in, StandardCharsets.UTF_8);
        List<Case> cases = json.fromJson(input, new TypeToken<List<Case>>() {}.getType());
        for (Case each : cases) {
            System.out.println(json.toJson(run(driver, each)));
        }
    }
}
