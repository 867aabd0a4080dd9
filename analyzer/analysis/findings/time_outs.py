"""Time-outs of servers, proxies, networks and drivers where nobody has set them: a literal table, with sources.

A time that a capture shows is compared with them, and the nearest is named with "about": it is a hint, no proof.

Sources: MySQL and MariaDB manuals, "Server System Variables" (wait_timeout, connect_timeout, net_read_timeout,
net_write_timeout, innodb_lock_wait_timeout); HAProxy Configuration Manual, examples of "timeout client" and "timeout
server"; nginx, "ngx_stream_proxy_module" (proxy_timeout, proxy_connect_timeout); ProxySQL, "Global variables"
(mysql-default_query_timeout, mysql-wait_timeout, mysql-connect_timeout_server_max); AWS, "Network Load Balancers: idle
timeout", "Application Load Balancers", "NAT gateways", "RDS Proxy: idle client connection timeout"; Azure, "Load
Balancer TCP reset and idle timeout"; Google Cloud, "VPC firewall rules: connection tracking"; Linux,
nf_conntrack-sysctl (nf_conntrack_tcp_timeout_established), tcp(7) (tcp_keepalive_time); MySQL Connector/J
(connectTimeout, socketTimeout), Connector/Python (connection_timeout), Connector/NET (Connection Timeout,
MySqlConnector "Connection Options", MariaDB Connector/J, PyMySQL and aiomysql `connect()`, mysql2 and mysqljs
(connectTimeout), mysqlnd (mysqlnd.net_read_timeout), libmysqlclient (mysql --connect-timeout), HikariCP
(connectionTimeout, idleTimeout, maxLifetime), Go-MySQL-Driver (timeout, readTimeout).
"""

from __future__ import annotations

from typing import Final

SECOND: Final = 1_000_000_000

# Seconds idle -> whose time-out that commonly is; "" a round figure that people set.
IDLE: Final[dict[int, str]] = {
    10: "",
    20: "",
    30: "",
    50: "HAProxy's usual timeout client and timeout server",
    60: "the default of many proxies (AWS application load balancers, HAProxy examples of 1m)",
    100: "",
    120: "",
    180: "",
    240: "Azure's load balancer",
    300: "pool and proxy settings of 5 minutes",
    350: "AWS network load balancers and NAT gateways",
    600: "nginx's proxy_timeout, Google Cloud's firewalls, HikariCP's idleTimeout",
    900: "",
    1000: "",
    1800: "AWS RDS Proxy, HikariCP's maxLifetime",
    3600: "many firewalls' idle time",
    7200: "the system's TCP keep-alive time",
    28800: "wait_timeout's default, and ProxySQL's",
    432000: "Linux's connection tracking (nf_conntrack_tcp_timeout_established)",
}
# Seconds that a client waits for an answer -> whose time-out that commonly is.
READ: Final[dict[int, str]] = {
    1: "",
    2: "",
    3: "",
    5: "",
    10: "",
    15: "",
    20: "",
    30: "Connector/NET's and MySqlConnector's command time-out",
    50: "HAProxy's usual timeout server, innodb_lock_wait_timeout",
    60: "the default of many proxies",
    120: "",
    300: "",
    600: "",
    86400: "mysqlnd's net_read_timeout",
}
# Seconds that a client waits for the connection, the greeting or the login's answer.
CONNECT: Final[dict[int, str]] = {
    1: "",
    2: "",
    3: "",
    5: "HAProxy's and pools' usual connect time-out",
    10: "connect_timeout of PyMySQL, mysql2, mysqljs, Connector/Python and of the servers",
    15: "Connector/NET's and MySqlConnector's connection time-out",
    20: "",
    30: "HikariCP's connectionTimeout, MariaDB Connector/J's connectTimeout",
    60: "nginx's proxy_connect_timeout, many programs' connect time-out",
}
# Seconds that a server waits for a client.
SERVER: Final[dict[int, str]] = {
    10: "connect_timeout's default",
    30: "net_read_timeout's default",
    60: "net_write_timeout's default",
    50: "innodb_lock_wait_timeout's default",
    28800: "wait_timeout's default",
}


def nearest(table: dict[int, str], time_ns: int) -> int | None:
    """The figure of a table, in seconds, that a time lies just behind: at most a hundredth, or a second, more.

    Where figures are close to one another (1 s and 2 s), a tenth of the figure is the most.
    """
    for figure in table:
        over = time_ns - figure * SECOND
        most = max(figure * SECOND // 100, min(SECOND, figure * SECOND // 10))
        if -SECOND // 20 <= over <= most:
            return figure
    return None


def named(table: dict[int, str], time_ns: int) -> str:
    """What a time is near to, as a clause that begins with a comma; "" where it is near to none."""
    figure = nearest(table, time_ns)
    if figure is None:
        return ""
    whose = f" ({table[figure]})" if table[figure] else ", a round figure"
    return f", about {figure} s{whose}"
