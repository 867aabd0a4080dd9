"""What an option is called in the client's own driver. Literal: topic -> driver family -> text.

Sources: the drivers' manuals: MySQL Connector/J "Configuration Properties: Security", MySQL C API "mysql_options()",
MySQL Connector/Python "Connection Arguments", MariaDB Connector/C "mysql_optionsv", MariaDB Connector/J and
Connector/Node.js "Connection Options", PyMySQL and aiomysql `connect()`, mysql2 "SSL" and "Authentication Switch",
Go-MySQL-Driver "DSN", PHP manual "mysqli_options", MySqlConnector "Connection Options".
"""

from __future__ import annotations

from typing import Final

from analyzer.analysis.findings.rule import CERTAIN, MOST_CHOICES, Case

# How a driver calls itself on the wire (lower case, the beginning) -> family.
FAMILIES: Final = (
    ("mysql connector/j", "Connector/J"),
    ("mariadb connector/j", "MariaDB Connector/J"),
    ("mariadb connector/node", "MariaDB Connector/Node.js"),
    ("mariadb-connector-python", "libmariadb"),
    ("libmysql", "libmysqlclient"),
    ("libmariadb", "libmariadb"),
    ("mysql-connector-python", "Connector/Python"),
    ("mysql-connector-net", "Connector/NET"),
    ("mysqlconnector", "MySqlConnector"),
    ("pymysql", "PyMySQL"),
    ("aiomysql", "aiomysql"),
    ("asyncmy", "aiomysql"),
    ("node-mysql-2", "mysql2"),
    ("mysql2", "mysql2"),
    ("go-mysql-driver", "Go-MySQL-Driver"),
    ("mysqlnd", "mysqlnd"),
)

TLS: Final = {
    "": "--ssl-mode=VERIFY_IDENTITY of the MySQL tools, sslMode of the JDBC and .NET drivers, ssl or tls in others",
    "Connector/J": "sslMode=VERIFY_IDENTITY in the JDBC URL",
    "MariaDB Connector/J": "sslMode=verify-full in the JDBC URL (before 3.0: useSsl=true and serverSslCert)",
    "MariaDB Connector/Node.js": "ssl: {{ ca: ... }} in the connection options",
    "libmysqlclient": "--ssl-mode=VERIFY_IDENTITY --ssl-ca=FILE (in code MYSQL_OPT_SSL_MODE and MYSQL_OPT_SSL_CA)",
    "libmariadb": "--ssl --ssl-ca=FILE --ssl-verify-server-cert (in code MYSQL_OPT_SSL_CA and "
    "MYSQL_OPT_SSL_VERIFY_SERVER_CERT)",
    "Connector/Python": "ssl_ca=..., ssl_verify_identity=True (and not ssl_disabled=True)",
    "Connector/NET": "SslMode=VerifyFull in the connection string",
    "MySqlConnector": "SslMode=VerifyFull in the connection string",
    "PyMySQL": "ssl_ca=..., ssl_verify_cert=True, ssl_verify_identity=True in connect()",
    "aiomysql": "ssl=ssl.create_default_context(cafile=...) in connect()",
    "mysql2": "ssl: {{ ca: ... }} in the connection options",
    "Go-MySQL-Driver": "tls=true in the DSN (or the name of a registered tls.Config)",
    "mysqlnd": "mysqli_ssl_set() and MYSQLI_CLIENT_SSL, PDO::MYSQL_ATTR_SSL_CA",
}
TRUST: Final = {
    "": "--ssl-ca of the tools, ssl_ca, ssl or tls in the drivers",
    "Connector/J": "trustCertificateKeyStoreUrl with the CA in it",
    "MariaDB Connector/J": "serverSslCert=/path/ca.pem, or trustStore",
    "MariaDB Connector/Node.js": "ssl: {{ ca: fs.readFileSync('ca.pem') }}",
    "libmysqlclient": "--ssl-ca=FILE (MYSQL_OPT_SSL_CA)",
    "libmariadb": "--ssl-ca=FILE (MYSQL_OPT_SSL_CA)",
    "Connector/Python": "ssl_ca=...",
    "Connector/NET": "SslCa=... in the connection string",
    "MySqlConnector": "SslCa=... in the connection string",
    "PyMySQL": "ssl_ca=...",
    "aiomysql": "ssl.create_default_context(cafile=...)",
    "mysql2": "ssl: {{ ca: fs.readFileSync('ca.pem') }}",
    "Go-MySQL-Driver": "RootCAs of a tls.Config registered with mysql.RegisterTLSConfig",
    "mysqlnd": "mysqli_ssl_set() with the CA file, PDO::MYSQL_ATTR_SSL_CA",
}
PUBLIC_KEY: Final = {
    "": "--get-server-public-key of the MySQL tools, allowPublicKeyRetrieval=true of JDBC, .NET and the MariaDB "
    "connectors, or the key as a file",
    "Connector/J": "allowPublicKeyRetrieval=true, or serverRSAPublicKeyFile=FILE",
    "MariaDB Connector/J": "allowPublicKeyRetrieval=true, or serverRsaPublicKeyFile=FILE",
    "MariaDB Connector/Node.js": "allowPublicKeyRetrieval: true, or cachingRsaPublicKey",
    "libmysqlclient": "--get-server-public-key or --server-public-key-path=FILE (in code "
    "MYSQL_OPT_GET_SERVER_PUBLIC_KEY, MYSQL_SERVER_PUBLIC_KEY)",
    "libmariadb": "MYSQL_SERVER_PUBLIC_KEY with the key's file",
    "Connector/Python": "nothing but TLS: this driver can not send the password under RSA",
    "Connector/NET": "AllowPublicKeyRetrieval=True",
    "MySqlConnector": "AllowPublicKeyRetrieval=True, or ServerRsaPublicKeyFile=FILE",
    "PyMySQL": "server_public_key=... (and the package cryptography installed: without it PyMySQL can not encrypt)",
    "aiomysql": "server_public_key=... (and the package cryptography installed)",
    "mysql2": "authPlugins: caching_sha2_password({{ serverPublicKey }})",
    "Go-MySQL-Driver": "serverPubKey=NAME in the DSN",
    "mysqlnd": "MYSQLI_SERVER_PUBLIC_KEY, or mysqlnd.sha256_server_public_key in php.ini",
}
FIRST_PLUGIN: Final = {
    "": "--default-auth={to} of the tools, defaultAuthenticationPlugin of JDBC, or give the account the plugin that "
    "its clients begin with",
    "Connector/J": "defaultAuthenticationPlugin={to} in the JDBC URL",
    "MariaDB Connector/J": "nothing in the driver: it always begins with mysql_native_password",
    "MariaDB Connector/Node.js": "nothing in the driver: it always begins with mysql_native_password",
    "libmysqlclient": "--default-auth={to} (in code MYSQL_DEFAULT_AUTH)",
    "libmariadb": "--default-auth={to} (in code MYSQL_DEFAULT_AUTH)",
    "Connector/Python": "auth_plugin='{to}'",
    "aiomysql": "auth_plugin='{to}'",
}
CLEARTEXT: Final = {
    "": "clear-text authentication is an option of most drivers, to be turned off",
    "libmysqlclient": "remove --enable-cleartext-plugin (MYSQL_ENABLE_CLEARTEXT_PLUGIN, "
    "LIBMYSQL_ENABLE_CLEARTEXT_PLUGIN)",
    "libmariadb": "restricted-auth without mysql_clear_password and dialog (MARIADB_OPT_RESTRICTED_AUTH)",
    "Connector/Python": "do not set ssl_disabled=True: this driver sends the password as it is when it is asked for it",
    "MariaDB Connector/J": "restrictedAuth without mysql_clear_password and dialog",
    "MariaDB Connector/Node.js": "restrictedAuth without mysql_clear_password and dialog",
    "Go-MySQL-Driver": "remove allowCleartextPasswords=true from the DSN",
}
CHARSET: Final = {
    "": "a collation with a number up to 255 (utf8mb4_general_ci is 45), or SET NAMES after the login",
    "Connector/J": "connectionCollation=utf8mb4_general_ci",
    "MariaDB Connector/J": "connectionCollation=utf8mb4_general_ci",
    "MariaDB Connector/Node.js": "collation: 'UTF8MB4_GENERAL_CI'",
    "libmysqlclient": "--default-character-set=utf8mb4 and SET NAMES utf8mb4 COLLATE ... after the login",
    "libmariadb": "--default-character-set=utf8mb4, and SET NAMES utf8mb4 COLLATE ... after the login",
    "Connector/Python": "charset='utf8mb4', collation='utf8mb4_general_ci'",
    "PyMySQL": "charset='utf8mb4', collation='utf8mb4_general_ci' (it sends SET NAMES)",
    "mysql2": "charset: 'UTF8MB4_GENERAL_CI'",
    "Go-MySQL-Driver": "collation=utf8mb4_general_ci in the DSN",
}
POOL: Final = {
    "": "HikariCP, SQLAlchemy's pool, database/sql's own, mysql2.createPool, persistent connections in PHP",
    "Connector/J": "HikariCP or another DataSource pool in front of the driver",
    "MariaDB Connector/J": "MariaDbPoolDataSource, or HikariCP in front of the driver",
    "MariaDB Connector/Node.js": "mariadb.createPool()",
    "Connector/Python": "pool_name and pool_size, or SQLAlchemy's pool",
    "Connector/NET": "Pooling=True (the default), and one connection string",
    "MySqlConnector": "Pooling=True (the default), and one connection string",
    "PyMySQL": "SQLAlchemy's pool or DBUtils in front of the driver",
    "aiomysql": "aiomysql.create_pool()",
    "mysql2": "mysql.createPool()",
    "Go-MySQL-Driver": "one sql.DB for the whole program, SetMaxIdleConns above its default of 2",
    "mysqlnd": "persistent connections: p: before the host in mysqli, PDO::ATTR_PERSISTENT",
}
LIFETIME: Final = {
    "": "maxLifetime of HikariCP, pool_recycle of SQLAlchemy, SetConnMaxLifetime in Go, or a keepalive query",
    "Connector/J": "maxLifetime (or keepaliveTime) of HikariCP",
    "MariaDB Connector/J": "maxIdleTime of its pool, maxLifetime (or keepaliveTime) of HikariCP",
    "MariaDB Connector/Node.js": "idleTimeout of the pool",
    "Connector/Python": "pool_recycle of SQLAlchemy, or ping(reconnect=True) before use",
    "Connector/NET": "ConnectionLifeTime in the connection string",
    "MySqlConnector": "ConnectionLifeTime or ConnectionIdleTimeout in the connection string",
    "PyMySQL": "pool_recycle or pool_pre_ping of SQLAlchemy",
    "aiomysql": "pool_recycle of create_pool()",
    "mysql2": "idleTimeout and enableKeepAlive of createPool()",
    "Go-MySQL-Driver": "db.SetConnMaxLifetime() and SetConnMaxIdleTime()",
}
PACKET_SIZE: Final = {
    "": "--max-allowed-packet of the MySQL tools, maxAllowedPacket or max_allowed_packet in drivers",
    "Connector/J": "maxAllowedPacket",
    "MariaDB Connector/J": "maxAllowedPacket",
    "MariaDB Connector/Node.js": "maxAllowedPacket",
    "libmysqlclient": "--max-allowed-packet (in code MYSQL_OPT_MAX_ALLOWED_PACKET)",
    "libmariadb": "--max-allowed-packet (in code MYSQL_OPT_MAX_ALLOWED_PACKET)",
    "PyMySQL": "max_allowed_packet=... in connect()",
    "Go-MySQL-Driver": "maxAllowedPacket=0 in the DSN, which asks the server for its limit",
    "mysqlnd": "nothing: mysqlnd has no limit of its own",
}
STATEMENTS: Final = {
    "": "close() of the statement object, or a cache of statements in the driver or pool",
    "Connector/J": "close each PreparedStatement (try-with-resources), cachePrepStmts=true with prepStmtCacheSize",
    "MariaDB Connector/J": "close each PreparedStatement, cachePrepStmts with prepStmtCacheSize",
    "MariaDB Connector/Node.js": "prepare.close(), prepareCacheLength",
    "libmysqlclient": "mysql_stmt_close()",
    "libmariadb": "mysql_stmt_close()",
    "Connector/Python": "close the cursor made with prepared=True",
    "mysql2": "statement.close(), or maxPreparedStatements of the pool",
    "Go-MySQL-Driver": "stmt.Close(), or interpolateParams=true, which prepares nothing on the server",
    "mysqlnd": "$stmt->close(), or PDO::ATTR_EMULATE_PREPARES",
}
NO_PREPARE: Final = {
    "": "client-side prepare of JDBC, PDO and others",
    "Connector/J": "useServerPrepStmts=false",
    "MariaDB Connector/J": "useServerPrepStmts=false",
    "mysql2": "query() instead of execute()",
    "Go-MySQL-Driver": "interpolateParams=true in the DSN",
    "MySqlConnector": "IgnorePrepare=true",
    "Connector/NET": "IgnorePrepare=true",
    "mysqlnd": "PDO::ATTR_EMULATE_PREPARES",
}


def family_of(name: str | None) -> str:
    """The family of a driver by its own name; "" where it is not known here."""
    lower = (name or "").lower()
    return next((family for begin, family in FAMILIES if lower.startswith(begin)), "")


def option(case: Case, topic: dict[str, str], **values: object) -> str:
    """What to set in the driver of this connection; for all drivers where it is not known which it is."""
    driver = case.connection.driver
    name = driver.name if driver else None
    key = (id(topic), name, *values.values())
    known = case.evidence.options.get(key)
    if known is None:
        known = _option(topic, family_of(name), values)
        if len(case.evidence.options) < MOST_CHOICES:
            case.evidence.options[key] = known
    return known


def _option(topic: dict[str, str], family: str, values: dict[str, object]) -> str:
    text = topic.get(family) if family else None
    if text is None:
        return topic[""].format(**values)
    return f"{text.format(**values)} ({family})"


def name_of(case: Case) -> str:
    """The client's driver in words, as a guess where its name is one."""
    driver = case.connection.driver
    if driver is None or not driver.name:
        return "the client"
    name = f"{driver.name} {driver.version}" if driver.version else driver.name
    return name if driver.confidence == CERTAIN else f"the client ({name}, by what it offers)"
