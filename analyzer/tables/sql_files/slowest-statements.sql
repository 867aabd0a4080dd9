-- Slowest statements: calls, median, p95, and the share of all time that servers worked
--
-- Statements that differ in literals alone are one. Times are milliseconds, from the last byte of the request to the last
-- of the response.
SELECT digest(statement) AS statement,
       count(*) AS calls,
       count(*) FILTER (response = 'error') AS errors,
       round(sum(duration_ns) / 1e6, 3) AS total_ms,
       round(quantile_cont(duration_ns, 0.5) / 1e6, 3) AS median_ms,
       round(quantile_cont(duration_ns, 0.95) / 1e6, 3) AS p95_ms,
       round(max(duration_ns) / 1e6, 3) AS max_ms,
       round(100 * sum(duration_ns) / sum(sum(duration_ns)) OVER (), 1) AS share_percent
FROM commands
WHERE statement IS NOT NULL AND duration_ns IS NOT NULL
GROUP BY digest(statement)
ORDER BY total_ms DESC, statement
LIMIT 100
