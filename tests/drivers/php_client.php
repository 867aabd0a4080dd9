<?php
// PHP's mysqli and PDO, told what to do: `php php_client.php DRIVER`, cases as JSON on standard input, a line for each.
declare(strict_types=1);

interface Client
{
    public function query(string $sql): array;
    public function prepared(string $sql, array $values): array;
    public function multi(string $sql): array;
    public function cursor(string $sql, int $size): int;
    public function written(string $sql, ?array $values): int;
    public function ping(): void;
    public function changeUser(string $user, string $password, string $database): void;
    public function close(): void;
}

final class Improved implements Client
{
    public array $unlogged = [];
    private mysqli $link;

    public function __construct(array $case)
    {
        mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
        $this->link = mysqli_init();
        $flags = $case['tls'] ? MYSQLI_CLIENT_SSL | MYSQLI_CLIENT_SSL_DONT_VERIFY_SERVER_CERT : 0;
        if ($case['verify']) {
            $this->link->ssl_set(null, null, $case['ca'], null, null);
            $flags = MYSQLI_CLIENT_SSL | MYSQLI_CLIENT_SSL_VERIFY_SERVER_CERT;
        }
        $flags |= $case['compress'] ? MYSQLI_CLIENT_COMPRESS : 0;
        if ($case['infile']) {
            $this->link->options(MYSQLI_OPT_LOCAL_INFILE, true);
        }
        $this->link->real_connect(
            $case['host'], $case['user'], $case['password'], $case['database'], $case['port'], null, $flags
        );
    }

    public function query(string $sql): array
    {
        $found = $this->link->query($sql);
        return $found === true ? [] : $found->fetch_all(MYSQLI_NUM);
    }

    public function multi(string $sql): array
    {
        $counts = [];
        // It allows several statements before, and forbids them after.
        $this->unlogged = ['set_option' => 2];
        $this->link->multi_query($sql);
        do {
            $found = $this->link->store_result();
            $counts[] = $found ? $found->num_rows : 0;
        } while ($this->link->more_results() && $this->link->next_result());
        return $counts;
    }

    public function cursor(string $sql, int $size): int
    {
        $statement = $this->link->prepare($sql);
        $statement->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
        $statement->execute();
        $statement->bind_result($id, $name, $score, $note);
        $count = 0;
        while ($statement->fetch()) {
            $count++;
        }
        $statement->close();
        return $count;
    }

    public function written(string $sql, ?array $values): int
    {
        if ($values === null) {
            $this->link->query($sql);
            return $this->link->affected_rows;
        }
        $statement = $this->link->prepare($sql);
        $types = array_map(fn ($value) => is_int($value) ? 'i' : (is_float($value) ? 'd' : 's'), $values);
        $statement->bind_param(implode('', $types), ...$values);
        $statement->execute();
        $count = $statement->affected_rows;
        $statement->close();
        return $count;
    }

    public function prepared(string $sql, array $values): array
    {
        $statement = $this->link->prepare($sql);
        $statement->execute($values);
        $rows = $statement->get_result()->fetch_all(MYSQLI_NUM);
        $statement->close();
        return $rows;
    }

    public function ping(): void
    {
        $this->link->ping();
    }

    public function changeUser(string $user, string $password, string $database): void
    {
        $this->link->change_user($user, $password, $database);
    }

    public function close(): void
    {
        $this->link->close();
    }
}

final class DataObjects implements Client
{
    public array $unlogged = [];
    private ?PDO $link;

    public function __construct(array $case)
    {
        $options = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_EMULATE_PREPARES => false];
        if ($case['tls']) {
            $options += [PDO::MYSQL_ATTR_SSL_CA => $case['ca'], PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => $case['verify']];
        }
        $options += $case['multi'] ? [PDO::MYSQL_ATTR_MULTI_STATEMENTS => true] : [];
        $options += $case['infile'] ? [PDO::MYSQL_ATTR_LOCAL_INFILE => true] : [];
        $options += $case['compress'] ? [PDO::MYSQL_ATTR_COMPRESS => true] : [];
        $words = "mysql:host={$case['host']};port={$case['port']};dbname={$case['database']}";
        $this->link = new PDO($words, $case['user'], $case['password'], $options);
    }

    public function query(string $sql): array
    {
        $this->link->setAttribute(PDO::ATTR_EMULATE_PREPARES, true);
        $found = $this->link->query($sql);
        $this->link->setAttribute(PDO::ATTR_EMULATE_PREPARES, false);
        return $found->columnCount() ? $found->fetchAll(PDO::FETCH_NUM) : [];
    }

    public function prepared(string $sql, array $values): array
    {
        $statement = $this->link->prepare($sql);
        $statement->execute($values);
        return $statement->fetchAll(PDO::FETCH_NUM);
    }

    public function multi(string $sql): array
    {
        $this->link->setAttribute(PDO::ATTR_EMULATE_PREPARES, true);
        $found = $this->link->query($sql);
        $counts = [];
        do {
            $counts[] = $found->columnCount() ? count($found->fetchAll(PDO::FETCH_NUM)) : 0;
        } while ($found->nextRowset());
        $this->link->setAttribute(PDO::ATTR_EMULATE_PREPARES, false);
        return $counts;
    }

    // Row by row as the server sends them, in place of all at once.
    public function cursor(string $sql, int $size): int
    {
        $this->link->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, false);
        $count = count($this->query($sql));
        $this->link->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, true);
        return $count;
    }

    public function written(string $sql, ?array $values): int
    {
        if ($values === null) {
            return $this->link->exec($sql);
        }
        $statement = $this->link->prepare($sql);
        foreach ($values as $place => $value) {
            $type = is_int($value) ? PDO::PARAM_INT : ($value === null ? PDO::PARAM_NULL : PDO::PARAM_STR);
            $statement->bindValue($place + 1, $value, $type);
        }
        $statement->execute();
        return $statement->rowCount();
    }

    public function ping(): void
    {
        throw new LogicException('PDO has no ping');
    }

    public function changeUser(string $user, string $password, string $database): void
    {
        throw new LogicException('PDO does not change the user');
    }

    public function close(): void
    {
        $this->link = null;
    }
}

function number(Throwable $problem): ?int
{
    return $problem instanceof PDOException ? ($problem->errorInfo[1] ?? (int) $problem->getCode()) : $problem->getCode();
}

function bound(string $kind, string $word): mixed
{
    return match ($kind) {
        'int', 'bool' => (int) $word,
        'double' => (float) $word,
        'blob' => hex2bin($word),
        'null' => null,
        default => $word,
    };
}

// Steps whose last word is what has to come out.
function deed(Client $client, string $kind, array $words): mixed
{
    switch ($kind) {
        case 'multi':
            return $client->multi($words[0]);
        case 'cursor':
            return $client->cursor($words[0], $words[1]);
        case 'load':
            return $client->written($words[0], null);
        case 'typed':
            return $client->written($words[0], array_map(fn ($pair) => bound(...$pair), $words[1]));
        case 'batch':
            return array_sum(array_map(fn ($row) => $client->written($words[0], $row), $words[1]));
        case 'idle':
            usleep($words[1] * 1000);
            try {
                @$client->query($words[0]);
                return 'still there';
            } catch (mysqli_sql_exception | PDOException) {
                return 'lost';
            }
        case 'call':
            $client->query("SET @total = {$words[1]}");
            $client->query("CALL doubled({$words[0]}, @total, @said)");
            return array_map(strval(...), $client->query('SELECT @total, @said')[0]);
        default:
            throw new LogicException("unknown step $kind");
    }
}

function pairs(array $rows): array
{
    return array_map(strval(...), array_column($rows, 1, 0));
}

function step(Client $client, array $words, array &$result): void
{
    [$kind, $sql] = [...$words, null];
    $expected = end($words);
    switch ($kind) {
        case 'query':
        case 'prepared':
            $rows = $kind === 'query' ? $client->query($sql) : $client->prepared($sql, $words[2]);
            if (count($rows) !== $expected) {
                $result['problems'][] = "$sql: " . count($rows) . ' rows';
            }
            break;
        case 'fails':
            try {
                $client->query($sql);
                $result['problems'][] = "$sql: no error";
            } catch (mysqli_sql_exception | PDOException $problem) {
                if (number($problem) !== $expected) {
                    $result['problems'][] = "$sql: {$problem->getMessage()}";
                }
            }
            break;
        case 'status':
            $result['status'] = [...$result['status'], ...pairs($client->query($sql))];
            break;
        case 'ping':
            $client->ping();
            break;
        case 'change_user':
            $client->changeUser($words[1], $words[2], $words[3]);
            break;
        default:
            $found = deed($client, $kind, array_slice($words, 1, -1));
            if ($found !== $expected) {
                $result['problems'][] = "$kind $sql: " . json_encode($found);
            }
    }
}

function work(Client $client, array $case, array &$result): void
{
    $found = array_map($client->query(...), $case['identify']);
    $result['connection_id'] = (int) $found[0][0][0];
    $result['version'] = $found[0][0][1];
    $result['attributes'] = (object) pairs($found[1]);
    $result['status'] = pairs($found[2]);
    foreach ($case['steps'] as $words) {
        step($client, $words, $result);
    }
}

function now(): int
{
    return (int) (microtime(true) * 1e6) * 1000;
}

function run(string $driver, array $case): array
{
    $result = ['name' => $case['name'], 'error' => null, 'message' => '', 'problems' => [], 'start_ns' => now()];
    try {
        $client = $driver === 'mysqli' ? new Improved($case) : new DataObjects($case);
    } catch (mysqli_sql_exception | PDOException $problem) {
        return [...$result, 'error' => number($problem), 'message' => $problem->getMessage(), 'end_ns' => now() + 1000];
    }
    try {
        work($client, $case, $result);
    } catch (Exception $problem) {
        $result['problems'][] = $problem->getMessage();
    }
    $client->close();
    return [...$result, 'status' => (object) ($result['status'] ?? []), 'unlogged' => (object) $client->unlogged, 'end_ns' => now() + 1000];
}

foreach (json_decode(stream_get_contents(STDIN), true) as $case) {
    echo json_encode(run($argv[1], $case)), "\n";
}
