// JDBC drivers, told what to do: `java JdbcClient DRIVER`, cases as JSON on standard input, a line for each.

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.ArrayList;
import java.util.HexFormat;
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

    /** A connection, or a pool of one that it is borrowed from. */
    private static final class Source implements AutoCloseable {
        private final HikariDataSource pool;
        Connection connection;
        int borrowed = 0;

        Source(String url, Properties settings, boolean pooled) throws SQLException {
            if (!pooled) {
                pool = null;
                connection = DriverManager.getConnection(url, settings);
                return;
            }
            // Looks whether a connection is alive each time that it hands it out.
            System.setProperty("com.zaxxer.hikari.aliveBypassWindowMs", "-1");
            HikariConfig chosen = new HikariConfig();
            chosen.setJdbcUrl(url);
            chosen.setDataSourceProperties(settings);
            chosen.setMaximumPoolSize(1);
            pool = new HikariDataSource(chosen);
            borrow();
        }

        void borrow() throws SQLException {
            if (pool == null) {
                return;
            }
            if (connection != null) {
                connection.close();
            }
            connection = pool.getConnection();
            borrowed++;
        }

        @Override
        public void close() throws SQLException {
            connection.close();
            if (pool != null) {
                pool.close();
            }
        }
    }

    /** The authority in a file that the driver takes. */
    private static String trusted(String ca) {
        try (InputStream text = Files.newInputStream(Path.of(ca))) {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(text));
            Path place = Files.createTempFile("handshark", ".p12");
            place.toFile().deleteOnExit();
            try (OutputStream target = Files.newOutputStream(place)) {
                store.store(target, "changeit".toCharArray());
            }
            return place.toUri().toString();
        } catch (IOException | GeneralSecurityException problem) {
            throw new IllegalStateException(problem);
        }
    }

    private static void deeds(String driver, Case each, Properties found) {
        // What is not asked for is left as the driver has it: it shows in the login.
        if (each.multi) {
            found.setProperty("allowMultiQueries", "true");
            // Only with this a fetch size makes a cursor on the server.
            found.setProperty("useCursorFetch", "true");
        }
        if (each.infile) {
            found.setProperty("allowLoadLocalInfile", "true");
            found.setProperty("allowLocalInfile", "true");
        }
        // The account may call the procedure, and not read it.
        found.setProperty("noAccessToProcedureBodies", "true");
        if (!each.verify) {
            return;
        }
        switch (driver) {
            case "j5" -> {
                found.setProperty("verifyServerCertificate", "true");
                found.setProperty("trustCertificateKeyStoreUrl", trusted(each.ca));
                found.setProperty("trustCertificateKeyStoreType", "PKCS12");
                found.setProperty("trustCertificateKeyStorePassword", "changeit");
            }
            case "j" -> {
                found.setProperty("sslMode", "VERIFY_CA");
                found.setProperty("trustCertificateKeyStoreUrl", trusted(each.ca));
                found.setProperty("trustCertificateKeyStoreType", "PKCS12");
                found.setProperty("trustCertificateKeyStorePassword", "changeit");
            }
            case "mariadb2" -> {
                found.remove("trustServerCertificate");
                found.setProperty("disableSslHostnameVerification", "true");
                found.setProperty("serverSslCert", each.ca);
            }
            default -> {
                found.setProperty("sslMode", "verify-ca");
                found.setProperty("serverSslCert", each.ca);
            }
        }
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
        deeds(driver, each, found);
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

    private static List<Integer> multi(Connection connection, String sql) throws SQLException {
        List<Integer> found = new ArrayList<>();
        try (Statement statement = connection.createStatement()) {
            boolean more = statement.execute(sql);
            while (more || statement.getUpdateCount() != -1) {
                found.add(more ? rows(statement.getResultSet()).size() : 0);
                more = statement.getMoreResults();
            }
        }
        return found;
    }

    private static List<String> call(Connection connection, int given, int total) throws SQLException {
        try (CallableStatement statement = connection.prepareCall("{CALL doubled(?, ?, ?)}")) {
            statement.setInt(1, given);
            statement.setInt(2, total);
            statement.registerOutParameter(2, Types.INTEGER);
            statement.registerOutParameter(3, Types.VARCHAR);
            statement.execute();
            return List.of(Integer.toString(statement.getInt(2)), statement.getString(3));
        }
    }

    private static int cursor(Connection connection, String sql, int size) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setFetchSize(size);
            return rows(statement.executeQuery()).size();
        }
    }

    private static void bind(PreparedStatement statement, int place, String kind, String word) throws SQLException {
        switch (kind) {
            case "int" -> statement.setInt(place, Integer.parseInt(word));
            case "unsigned", "decimal" -> statement.setBigDecimal(place, new BigDecimal(word));
            case "double" -> statement.setDouble(place, Double.parseDouble(word));
            case "date" -> statement.setDate(place, java.sql.Date.valueOf(word));
            case "datetime" -> statement.setTimestamp(place, Timestamp.valueOf(word));
            case "blob" -> statement.setBytes(place, HexFormat.of().parseHex(word));
            case "bool" -> statement.setBoolean(place, word.equals("1"));
            case "null" -> statement.setNull(place, Types.INTEGER);
            default -> statement.setString(place, word);
        }
    }

    private static int typed(Connection connection, String sql, List<?> values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.size(); i++) {
                List<?> pair = (List<?>) values.get(i);
                bind(statement, i + 1, (String) pair.get(0), (String) pair.get(1));
            }
            return statement.executeUpdate();
        }
    }

    private static int batch(Connection connection, String sql, List<?> rows) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (Object row : rows) {
                statement.setString(1, (String) ((List<?>) row).get(0));
                statement.setInt(2, ((Double) ((List<?>) row).get(1)).intValue());
                statement.addBatch();
            }
            int total = 0;
            for (int count : statement.executeBatch()) {
                // "It went well, for how many rows is not known".
                total += count == Statement.SUCCESS_NO_INFO ? 1 : count;
            }
            return total;
        }
    }

    private static String patience(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            statement.execute(sql);
            return "ended by itself";
        } catch (SQLException problem) {
            return "cancelled";
        }
    }

    private static Object deed(Connection connection, List<Object> words) throws SQLException {
        String sql = words.get(1) instanceof String text ? text : "";
        return switch ((String) words.get(0)) {
            case "multi" -> multi(connection, sql);
            case "call" -> call(connection, ((Double) words.get(1)).intValue(), ((Double) words.get(2)).intValue());
            case "cursor" -> cursor(connection, sql, ((Double) words.get(2)).intValue());
            case "typed" -> typed(connection, sql, (List<?>) words.get(2));
            case "batch" -> batch(connection, sql, (List<?>) words.get(2));
            case "patience" -> patience(connection, sql);
            case "load" -> {
                try (Statement statement = connection.createStatement()) {
                    yield statement.executeUpdate(sql);
                }
            }
            default -> "unknown step";
        };
    }

    // Numbers of JSON are doubles here.
    private static String plain(Object value) {
        return value instanceof List<?> list
            ? list.stream().map(JdbcClient::plain).toList().toString()
            : value instanceof Double number ? Long.toString(number.longValue()) : String.valueOf(value);
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
            default -> {
                String found = plain(deed(connection, words));
                if (!found.equals(plain(last))) {
                    result.problems.add(kind + " " + words.get(1) + ": " + found);
                }
            }
        }
    }

    private static void work(Source source, Case each, Result result) throws SQLException {
        Connection connection = source.connection;
        List<List<List<String>>> found = new ArrayList<>();
        for (String sql : each.identify) {
            found.add(query(connection, sql));
        }
        result.connection_id = Long.valueOf(found.get(0).get(0).get(0));
        result.version = found.get(0).get(0).get(1);
        result.attributes = pairs(found.get(1));
        result.status = pairs(found.get(2));
        for (List<Object> words : each.steps) {
            if (words.get(0).equals("ping")) {
                source.borrow();
            }
            step(source.connection, words, result);
        }
        if (each.pool) {
            // Once when it is made, once each time that it is handed out.
            result.unlogged.put("ping", 1 + source.borrowed);
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
        try (Source source = new Source(url, settings(driver, each), each.pool)) {
            try {
                work(source, each, result);
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
