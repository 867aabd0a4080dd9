-- Connections without a pool: clients that log in anew for a command or two
--
-- By client, user and server: logins that were accepted, the commands of each (QUIT does not count), and how long logging
-- in took beside how long the connection lived. Many short connections are what a pool would save.
SELECT client_address,
       login_user AS "user",
       server_address || ':' || server_port AS server,
       string_agg(DISTINCT driver_name, ', ' ORDER BY driver_name) AS drivers,
       count(*) AS connections,
       round(avg(list_sum(map_values(commands)) - coalesce(commands['quit'], 0)), 1) AS commands_each,
       round(median(epoch_ns(end_time_ns) - epoch_ns(start_time_ns)) / 1e6, 3) AS median_life_ms,
       round(median(timing_total_ns) / 1e6, 3) AS median_login_ms
FROM distinct_connections
WHERE outcome = 'accepted' AND tcp_syn
GROUP BY client_address, login_user, server
HAVING count(*) >= 2 AND avg(list_sum(map_values(commands)) - coalesce(commands['quit'], 0)) <= 3
ORDER BY connections DESC, min(client_address_key), "user", server
