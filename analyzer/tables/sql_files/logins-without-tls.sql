-- Logins without TLS: who sends a login that others on the way can read
--
-- By client, user and server; `cleartext` counts logins whose password itself could be read.
SELECT client_address,
       login_user AS "user",
       server_address || ':' || server_port AS server,
       count(*) AS logins,
       count(*) FILTER (authentication_password_protection = 'cleartext') AS cleartext,
       count(*) FILTER (list_contains(greeting_capabilities, 'CLIENT_SSL')) AS tls_was_offered,
       max(start_time_ns) AS last_seen
FROM distinct_connections
WHERE login_frame IS NOT NULL AND tls_decrypted IS NULL
GROUP BY ALL
ORDER BY cleartext DESC, logins DESC, min(client_address_key), "user", server
