// JDBC drivers, told what to do: `java JdbcClient DRIVER`; see Cases.java.

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigDecimal;
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
import java.util.List;
import java.util.Map;
import java.util.Properties;

public final class JdbcClient implements Cases.Session {
    private interface Work<T> {
        T done() throws SQLException;
    }

    // None, or a pool of one connection that it is borrowed from.
    private final HikariDataSource pool;
    private Connection connection;
    private int borrowed = 0;

    private JdbcClient(String url, Properties settings, boolean pooled) throws SQLException {
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

    private void borrow() throws SQLException {
        if (connection != null) {
            connection.close();
        }
        connection = pool.getConnection();
        borrowed++;
    }

    private static <T> T tried(Work<T> work) throws Cases.Failure {
        try {
            return work.done();
        } catch (SQLException problem) {
            throw new Cases.Failure(problem.getErrorCode(), problem);
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

    private static void deeds(String driver, Cases.Case each, Properties found) {
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

    private static Properties settings(String driver, Cases.Case each) {
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

    @Override
    public List<List<String>> query(String sql) throws Cases.Failure {
        return tried(() -> {
            try (Statement statement = connection.createStatement()) {
                return statement.execute(sql) ? rows(statement.getResultSet()) : List.of();
            }
        });
    }

    @Override
    public List<List<String>> prepared(String sql, List<?> values) throws Cases.Failure {
        return tried(() -> {
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                for (int i = 0; i < values.size(); i++) {
                    statement.setObject(i + 1, values.get(i));
                }
                return rows(statement.executeQuery());
            }
        });
    }

    @Override
    public List<Integer> multi(String sql) throws Cases.Failure {
        return tried(() -> {
            List<Integer> found = new ArrayList<>();
            try (Statement statement = connection.createStatement()) {
                boolean more = statement.execute(sql);
                while (more || statement.getUpdateCount() != -1) {
                    found.add(more ? rows(statement.getResultSet()).size() : 0);
                    more = statement.getMoreResults();
                }
            }
            return found;
        });
    }

    @Override
    public List<String> call(int given, int total) throws Cases.Failure {
        return tried(() -> {
            try (CallableStatement statement = connection.prepareCall("{CALL doubled(?, ?, ?)}")) {
                statement.setInt(1, given);
                statement.setInt(2, total);
                statement.registerOutParameter(2, Types.INTEGER);
                statement.registerOutParameter(3, Types.VARCHAR);
                statement.execute();
                return List.of(Integer.toString(statement.getInt(2)), statement.getString(3));
            }
        });
    }

    @Override
    public int cursor(String sql, int size) throws Cases.Failure {
        return tried(() -> {
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                statement.setFetchSize(size);
                return rows(statement.executeQuery()).size();
            }
        });
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

    @Override
    public int typed(String sql, List<?> values) throws Cases.Failure {
        return tried(() -> {
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                for (int i = 0; i < values.size(); i++) {
                    List<?> pair = (List<?>) values.get(i);
                    bind(statement, i + 1, (String) pair.get(0), (String) pair.get(1));
                }
                return statement.executeUpdate();
            }
        });
    }

    @Override
    public int batch(String sql, List<?> rows) throws Cases.Failure {
        return tried(() -> {
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
        });
    }

    @Override
    public int load(String sql) throws Cases.Failure {
        return tried(() -> {
            try (Statement statement = connection.createStatement()) {
                return statement.executeUpdate(sql);
            }
        });
    }

    @Override
    public String patience(String sql) throws Cases.Failure {
        return tried(() -> {
            try (Statement statement = connection.createStatement()) {
                statement.setQueryTimeout(1);
                statement.execute(sql);
                return "ended by itself";
            } catch (SQLException problem) {
                return "cancelled";
            }
        });
    }

    /** MySQL's drivers have it beyond JDBC, each in an interface of its own; the database stays. */
    @Override
    public void changeUser(String user, String password, String database) throws Cases.Failure {
        try {
            connection.getClass().getMethod("changeUser", String.class, String.class).invoke(connection, user, password);
        } catch (ReflectiveOperationException problem) {
            throw new Cases.Failure(0, problem);
        }
    }

    @Override
    public void ping() throws Cases.Failure {
        boolean alive = tried(() -> {
            if (pool != null) {
                borrow();
            }
            return connection.isValid(10);
        });
        if (!alive) {
            throw new Cases.Failure(0, new IllegalStateException("not valid"));
        }
    }

    @Override
    public Map<String, Integer> unlogged() {
        // Once when it is made, once each time that it is handed out.
        return pool == null ? Map.of() : Map.of("ping", 1 + borrowed);
    }

    @Override
    public void close() throws Cases.Failure {
        tried(() -> {
            connection.close();
            return null;
        });
        if (pool != null) {
            pool.close();
        }
    }

    public static void main(String[] arguments) {
        String driver = arguments[0];
        String family = driver.startsWith("mariadb") ? "mariadb" : "mysql";
        DriverManager.setLoginTimeout(30);
        Cases.main(each -> {
            String url = "jdbc:" + family + "://" + each.host + ":" + each.port + "/" + each.database;
            return tried(() -> new JdbcClient(url, settings(driver, each), each.pool));
        });
    }
}
