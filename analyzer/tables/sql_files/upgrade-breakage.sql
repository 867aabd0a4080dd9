-- Who breaks on an upgrade: users, hosts and drivers that a newer server would refuse
--
-- By what `handshark analyze --summary` knows of MySQL 8.4, 9 and MariaDB 11.8 (the table upgrade_rules): plugins that are
-- gone and TLS versions that are not taken any more.
SELECT target,
       value AS what,
       login_user AS "user",
       client_address,
       coalesce(driver_name, '?') AS driver,
       count(*) AS connections,
       why
FROM distinct_connections
JOIN upgrade_rules
  ON value = CASE kind WHEN 'plugin' THEN authentication_plugin ELSE tls_version END
WHERE login_frame IS NOT NULL AND apart IS DISTINCT FROM greeting_flavor
GROUP BY target, value, login_user, client_address, driver, why
ORDER BY target, what, connections DESC, min(client_address_key), "user", driver
