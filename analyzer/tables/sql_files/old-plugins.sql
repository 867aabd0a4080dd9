-- Old plugins: which hosts and drivers still log in with them
--
-- mysql_native_password, mysql_old_password and sha256_password, by client, user, driver and server: removed or deprecated
-- in MySQL 8.4 and 9, or no longer safe.
SELECT client_address,
       login_user AS "user",
       authentication_plugin AS plugin,
       coalesce(driver_name, '?') AS driver,
       driver_version,
       server_address || ':' || server_port AS server,
       count(*) AS logins,
       count(*) FILTER (outcome = 'accepted') AS accepted,
       max(start_time_ns) AS last_seen
FROM distinct_connections
WHERE authentication_plugin IN ('mysql_native_password', 'mysql_old_password', 'sha256_password')
GROUP BY ALL
ORDER BY logins DESC, min(client_address_key), "user", plugin, driver, driver_version, server
