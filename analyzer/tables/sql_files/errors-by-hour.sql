-- Errors by code and hour: of logins and of commands
--
-- `phase` is login for what ended a connection phase (or came unasked), command for what answered a command.
SELECT date_trunc('hour', time_ns) AS hour,
       code,
       sqlstate,
       phase,
       count(*) AS errors,
       count(DISTINCT client_address) AS clients,
       min(message) AS example
FROM (
    SELECT start_time_ns AS time_ns, error_code AS code, error_sqlstate AS sqlstate, error_message AS message,
           'login' AS phase, client_address
    FROM distinct_connections
    WHERE error_code IS NOT NULL
    UNION ALL
    SELECT time_ns, error_code, error_sqlstate, error_message, 'command', client_address
    FROM commands
    WHERE error_code IS NOT NULL
)
GROUP BY ALL
ORDER BY hour, errors DESC, code, phase
