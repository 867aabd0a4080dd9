<?php
// PHP's mysqli and PDO, told what to do: `php php_client.php DRIVER`, cases as JSON on standard input, a line for each.
declare(strict_types=1);

interface Client
{
    public function query(string $sql): array;
    public function prepared(string $sql, array $values): array;
    public function ping(): void;
    public function changeUser(string $user, string $password, string $database): void;
    public function close(): void;
}

final class Improved implements Client
{
    private mysqli $link;

    public function __construct(array $case)
    {
        mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
        $this->link = mysqli_init();
        $flags = $case['tls'] ? MYSQLI_CLIENT_SSL | MYSQLI_CLIENT_SSL_DONT_VERIFY_SERVER_CERT : 0;
        $flags |= $case['compress'] ? MYSQLI_CLIENT_COMPRESS : 0;
        $this->link->real_connect(
            $case['host'], $case['user'], $case['password'], $case['database'], $case['port'], null, $flags
        );
    }

    public function query(string $sql): array
    {
        $found = $this->link->query($sql);
        return $found === true ? [] : $found->fetch_all(MYSQLI_NUM);
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
    private ?PDO $link;

    public function __construct(array $case)
    {
        $options = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_EMULATE_PREPARES => false];
        if ($case['tls']) {
            $options += [PDO::MYSQL_ATTR_SSL_CA => $case['ca'], PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => false];
        }
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
            $result['problems'][] = "unknown step $kind";
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
    return [...$result, 'end_ns' => now() + 1000];
}

foreach (json_decode(stream_get_contents(STDIN), true) as $case) {
    echo json_encode(run($argv[1], $case)), "\n";
}
