// JDBC drivers, told what to do: `java JdbcClient DRIVER`, cases as JSON on standard input, a line for each.

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

public final class JdbcClient {
    static final class Case {
        String name;
        String host;
        int port;
        String user;
        String password;
        String database;
        boolean tls;
        boolean compress;
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
    }

    private static Properties settings(String driver, Case each) {
        Properties found = new Properties();
        found.setProperty("user", each.user);
        found.setProperty("password", each.password);
        List<String> pairs = new ArrayList<>();
        each.attributes.forEach((name, value) -> pairs.add(name + ":" + value));
        switch (driver) {
            case "j5" -> {
                found.setProperty("useSSL", Boolean.toString(each.tls));
                found.setProperty("requireSSL", Boolean.toString(each.tls));
                found.setProperty("verifyServerCertificate", "false");
                // Left to itself it offers MariaDB versions that the JDK no longer has.
                found.setProperty("enabledTLSProtocols", "TLSv1.2");
                found.setProperty("connectionAttributes", String.join(",", pairs));
                found.setProperty("useCompression", Boolean.toString(each.compress));
                found.setProperty("useServerPrepStmts", "true");
                found.setProperty("allowPublicKeyRetrieval", "true");
            }
            case "j" -> {
                found.setProperty("sslMode", each.tls ? "REQUIRED" : "DISABLED");
                found.setProperty("connectionAttributes", String.join(",", pairs));
                found.setProperty("useCompression", Boolean.toString(each.compress));
                found.setProperty("useServerPrepStmts", "true");
                found.setProperty("allowPublicKeyRetrieval", "true");
            }
            case "mariadb2" -> {
                found.setProperty("useSsl", Boolean.toString(each.tls));
                found.setProperty("trustServerCertificate", "true");
                found.setProperty("connectionAttributes", String.join(",", pairs));
                found.setProperty("useCompression", Boolean.toString(each.compress));
                found.setProperty("useServerPrepStmts", "true");
                found.setProperty("allowPublicKeyRetrieval", "true");
            }
            default -> {
                found.setProperty("sslMode", each.tls ? "trust" : "disable");
                found.setProperty("connectionAttributes", String.join(",", pairs));
                found.setProperty("useCompression", Boolean.toString(each.compress));
                found.setProperty("useServerPrepStmts", "true");
                found.setProperty("allowPublicKeyRetrieval", "true");
            }
        }
        return found;
    }

    private static List<List<String>> rows(ResultSet found) throws SQLException {
        List<List<String>> all = new ArrayList<>();
        int columns = found.getMetaData().getColumnCount();
        while (found.next()) {
            List<String> row = new ArrayList<>();
            for (int i = 1; i <= columns; i++) {
                String cell = found.getString(i);
                row.add(cell == null ? "" : cell);
            }
            all.add(row);
        }
        return all;
    }

    private static List<List<String>> query(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            return statement.execute(sql) ? rows(statement.getResultSet()) : List.of();
        }
    }

    private static List<List<String>> prepared(Connection connection, String sql, List<?> values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.size(); i++) {
                Object value = values.get(i);
                statement.setObject(i + 1, value instanceof Double number ? (Object) number.longValue() : value);
            }
            return rows(statement.executeQuery());
        }
    }

    private static Map<String, String> pairs(List<List<String>> rows) {
        Map<String, String> found = new LinkedHashMap<>();
        rows.forEach(row -> found.put(row.get(0), row.get(1)));
        return found;
    }

    private static void step(Connection connection, List<Object> words, Result result) throws SQLException {
        String kind = (String) words.get(0);
        Object last = words.get(words.size() - 1);
        switch (kind) {
            case "query", "prepared" -> {
                String sql = (String) words.get(1);
                var found = kind.equals("query") ? query(connection, sql) : prepared(connection, sql, (List<?>) words.get(2));
                if (found.size() != ((Double) last).intValue()) {
                    result.problems.add(sql + ": " + found.size() + " rows");
                }
            }
            case "fails" -> {
                try {
                    query(connection, (String) words.get(1));
                    result.problems.add(words.get(1) + ": no error");
                } catch (SQLException problem) {
                    if (problem.getErrorCode() != ((Double) last).intValue()) {
                        result.problems.add(words.get(1) + ": " + problem);
                    }
                }
            }
            case "status" -> result.status.putAll(pairs(query(connection, (String) words.get(1))));
            case "ping" -> {
                if (!connection.isValid(10)) {
                    result.problems.add("not valid");
                }
            }
            default -> result.problems.add("unknown step " + kind);
        }
    }

    private static void work(Connection connection, Case each, Result result) throws SQLException {
        List<List<List<String>>> found = new ArrayList<>();
        for (String sql : each.identify) {
            found.add(query(connection, sql));
        }
        result.connection_id = Long.valueOf(found.get(0).get(0).get(0));
        result.version = found.get(0).get(0).get(1);
        result.attributes = pairs(found.get(1));
        result.status = pairs(found.get(2));
        for (List<Object> words : each.steps) {
            step(connection, words, result);
        }
    }

    private static long now() {
        return System.currentTimeMillis() * 1_000_000;
    }

    private static Result run(String driver, Case each) {
        Result result = new Result();
        result.name = each.name;
        result.start_ns = now();
        String family = driver.startsWith("mariadb") ? "mariadb" : "mysql";
        String url = "jdbc:" + family + "://" + each.host + ":" + each.port + "/" + each.database;
        try (Connection connection = DriverManager.getConnection(url, settings(driver, each))) {
            try {
                work(connection, each, result);
            } catch (SQLException problem) {
                result.problems.add(problem.toString());
            }
        } catch (SQLException problem) {
            result.error = problem.getErrorCode();
            result.message = String.valueOf(problem.getMessage());
        }
        // Milliseconds only: up to the next one.
        result.end_ns = now() + 1_000_000;
        return result;
    }

    public static void main(String[] arguments) throws Exception {
        Gson json = new Gson();
        DriverManager.setLoginTimeout(30);
        var input = new InputStreamReader(System.in, StandardCharsets.UTF_8);
        List<Case> cases = json.fromJson(input, new TypeToken<List<Case>>() {}.getType());
        for (Case each : cases) {
            System.out.println(json.toJson(run(arguments[0], each)));
        }
    }
}
