// R2DBC drivers, told what to do: `java R2dbcClient DRIVER`; see Cases.java.

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryOptions;
import io.r2dbc.spi.Option;
import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.Result;
import io.r2dbc.spi.Row;
import io.r2dbc.spi.Statement;
import io.r2dbc.spi.ValidationDepth;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Supplier;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

public final class R2dbcClient implements Cases.Session {
    private final Connection connection;

    private R2dbcClient(Connection connection) {
        this.connection = connection;
    }

    /** Waits, and says what the server has said. */
    private static <T> T tried(Supplier<T> work) throws Cases.Failure {
        try {
            return work.get();
        } catch (R2dbcException problem) {
            R2dbcException said = problem;
            for (Throwable cause = problem; cause != null; cause = cause.getCause()) {
                // What the server has said is wrapped in what the driver says to it, which has no number or its own.
                said = cause instanceof R2dbcException inner && inner.getErrorCode() > 0 ? inner : said;
            }
            throw new Cases.Failure(said.getErrorCode(), said);
        } catch (RuntimeException problem) {
            throw new Cases.Failure(0, problem);
        }
    }

    private static List<String> cells(Row row) {
        List<String> found = new ArrayList<>();
        for (int i = 0; i < row.getMetadata().getColumnMetadatas().size(); i++) {
            Object cell = row.get(i);
            found.add(cell == null ? "" : cell.toString());
        }
        return found;
    }

    private static Flux<List<String>> rows(Result result) {
        return Flux.from(result.map((row, names) -> cells(row)));
    }

    private static List<List<String>> rows(Statement statement) throws Cases.Failure {
        return tried(() -> Flux.from(statement.execute()).concatMap(R2dbcClient::rows).collectList().block());
    }

    private static int written(Statement statement) throws Cases.Failure {
        Flux<Long> counts = Flux.<Result>from(statement.execute()).concatMap(Result::getRowsUpdated);
        return tried(() -> counts.reduce(0L, Long::sum).block().intValue());
    }

    @Override
    public List<List<String>> query(String sql) throws Cases.Failure {
        return rows(connection.createStatement(sql));
    }

    @Override
    public List<List<String>> prepared(String sql, List<?> values) throws Cases.Failure {
        Statement statement = connection.createStatement(sql);
        for (int i = 0; i < values.size(); i++) {
            statement.bind(i, values.get(i));
        }
        return rows(statement);
    }

    @Override
    public List<Integer> multi(String sql) throws Cases.Failure {
        Flux<Result> results = Flux.from(connection.createStatement(sql).execute());
        return tried(() -> results.concatMap(each -> rows(each).count()).map(Long::intValue).collectList().block());
    }

    @Override
    public int cursor(String sql, int size) throws Cases.Failure {
        return rows(connection.createStatement(sql).fetchSize(size)).size();
    }

    @Override
    public int typed(String sql, List<?> values) throws Cases.Failure {
        Statement statement = connection.createStatement(sql);
        for (int i = 0; i < values.size(); i++) {
            String kind = (String) ((List<?>) values.get(i)).get(0);
            String word = (String) ((List<?>) values.get(i)).get(1);
            switch (kind) {
                case "null" -> statement.bindNull(i, Integer.class);
                case "blob" -> statement.bind(i, ByteBuffer.wrap(HexFormat.of().parseHex(word)));
                default -> statement.bind(i, Values.bound(kind, word));
            }
        }
        return written(statement);
    }

    @Override
    public int batch(String sql, List<?> rows) throws Cases.Failure {
        Statement statement = connection.createStatement(sql);
        for (int place = 0; place < rows.size(); place++) {
            List<?> row = (List<?>) rows.get(place);
            if (place > 0) {
                statement.add();
            }
            statement.bind(0, row.get(0)).bind(1, ((Double) row.get(1)).longValue());
        }
        return written(statement);
    }

    @Override
    public int load(String sql) throws Cases.Failure {
        return written(connection.createStatement(sql));
    }

    @Override
    public List<Integer> together(List<?> statements) throws Cases.Failure {
        List<Mono<Integer>> each = new ArrayList<>();
        for (Object sql : statements) {
            Flux<Result> results = Flux.from(connection.createStatement((String) sql).execute());
            each.add(results.concatMap(R2dbcClient::rows).count().map(Long::intValue));
        }
        return tried(() -> Flux.mergeSequential(each).collectList().block());
    }

    @Override
    public void ping() throws Cases.Failure {
        tried(() -> Mono.from(connection.validate(ValidationDepth.REMOTE)).block());
    }

    @Override
    public void close() throws Cases.Failure {
        tried(() -> Mono.from(connection.close()).block());
    }

    private static <T> void set(ConnectionFactoryOptions.Builder chosen, String name, T value) {
        chosen.option(Option.<T>valueOf(name), value);
    }

    private static void mysql(ConnectionFactoryOptions.Builder chosen, Cases.Case each) {
        set(chosen, "sslMode", each.verify ? "VERIFY_CA" : each.tls ? "REQUIRED" : "DISABLED");
        set(chosen, "useServerPrepareStatement", true);
        if (each.verify) {
            set(chosen, "sslCa", each.ca);
        }
        if (each.compress || each.zstd) {
            set(chosen, "compressionAlgorithms", each.zstd ? "ZSTD" : "ZLIB");
        }
        if (each.infile) {
            set(chosen, "allowLoadLocalInfileInPath", "/");
        }
    }

    private static void mariadb(ConnectionFactoryOptions.Builder chosen, Cases.Case each) {
        set(chosen, "sslMode", each.verify ? "VERIFY_CA" : each.tls ? "TRUST" : "DISABLE");
        set(chosen, "useServerPrepStmts", true);
        set(chosen, "allowPublicKeyRetrieval", true);
        var pairs = each.attributes.entrySet().stream().map(pair -> pair.getKey() + "=" + pair.getValue());
        set(chosen, "connectionAttributes", String.join(",", pairs.toList()));
        if (each.multi) {
            set(chosen, "allowMultiQueries", true);
        }
        if (each.verify) {
            set(chosen, "serverSslCert", each.ca);
        }
    }

    public static void main(String[] arguments) {
        String driver = arguments[0];
        Cases.main(each -> {
            var chosen = ConnectionFactoryOptions.builder()
                .option(ConnectionFactoryOptions.DRIVER, driver)
                .option(ConnectionFactoryOptions.HOST, each.host)
                .option(ConnectionFactoryOptions.PORT, each.port)
                .option(ConnectionFactoryOptions.USER, each.user)
                .option(ConnectionFactoryOptions.PASSWORD, each.password)
                .option(ConnectionFactoryOptions.DATABASE, each.database);
            if (driver.equals("mysql")) {
                mysql(chosen, each);
            } else {
                mariadb(chosen, each);
            }
            ConnectionFactory source = ConnectionFactories.get(chosen.build());
            return new R2dbcClient(tried(() -> Mono.<Connection>from(source.create()).block()));
        });
        // The driver's threads would go on.
        System.exit(0);
    }
}
