// Node drivers, told what to do: `node node_client.cjs DRIVER`, cases as JSON on standard input, a line for each.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { createRequire } = require('node:module');

// The drivers are not beside this file: NODE_MODULES says where they are.
const load = createRequire(path.join(process.env.NODE_MODULES, 'here.js'));

const CLIENTS = {
  'mysql2 (Node)': {
    async connect(each) {
      const options = { host: each.host, port: each.port, user: each.user, password: each.password };
      Object.assign(options, { database: each.database, compress: each.compress });
      options.connectAttributes = each.attributes;
      if (each.tls) options.ssl = { rejectUnauthorized: false };
      return load('mysql2/promise').createConnection(options);
    },
    query: async (connection, sql) => (await connection.query({ sql, rowsAsArray: true }))[0],
    prepared: async (connection, sql, values) => (await connection.execute({ sql, rowsAsArray: true }, values))[0],
    changeUser: (connection, options) => connection.changeUser(options),
    reset: (connection) => connection.reset(),
  },
  'mariadb (Node)': {
    async connect(each) {
      const options = { host: each.host, port: each.port, user: each.user, password: each.password };
      Object.assign(options, { database: each.database, compress: each.compress });
      Object.assign(options, { connectAttributes: each.attributes, allowPublicKeyRetrieval: true });
      options.ssl = each.tls ? { rejectUnauthorized: false } : false;
      return load('mariadb').createConnection(options);
    },
    query: (connection, sql) => connection.query({ sql, rowsAsArray: true }),
    prepared: (connection, sql, values) => connection.execute({ sql, rowsAsArray: true }, values),
    changeUser: (connection, options) => connection.changeUser(options),
    reset: (connection) => connection.reset(),
  },
};

const now = () => (BigInt(Date.now()) * 1000000n).toString();
const text = (value) => (value === null ? '' : String(value));
const pairs = (rows) => Object.fromEntries(rows.map((row) => [text(row[0]), text(row[1])]));

async function work(client, connection, each, result) {
  const rows = [];
  for (const sql of each.identify) rows.push(await client.query(connection, sql));
  result.connection_id = Number(rows[0][0][0]);
  result.version = rows[0][0][1];
  result.attributes = pairs(rows[1]);
  result.status = pairs(rows[2]);
  for (const [kind, ...words] of each.steps) {
    if (kind === 'query' || kind === 'prepared') {
      const asked = kind === 'query' ? client.query(connection, words[0]) : client.prepared(connection, ...words);
      const found = await asked;
      const count = Array.isArray(found) ? found.length : 0;
      if (count !== words.at(-1)) result.problems.push(`${words[0]}: ${count} rows`);
    } else if (kind === 'fails') {
      const error = await client.query(connection, words[0]).then(() => null, (problem) => problem);
      if (error?.errno !== words[1]) result.problems.push(`${words[0]}: ${error}`);
    } else if (kind === 'status') {
      Object.assign(result.status, pairs(await client.query(connection, words[0])));
    } else if (kind === 'change_user') {
      await client.changeUser(connection, { user: words[0], password: words[1], database: words[2] });
    } else if (kind === 'reset') {
      await client.reset(connection);
    } else if (kind === 'ping') {
      await connection.ping();
    } else {
      result.problems.push(`unknown step ${kind}`);
    }
  }
}

async function run(client, each) {
  const result = { name: each.name, error: null, problems: [], start_ns: now() };
  let connection = null;
  try {
    connection = await client.connect(each);
  } catch (error) {
    result.error = error.errno ?? null;
    result.message = String(error);
  }
  if (connection !== null) {
    try {
      await work(client, connection, each, result);
    } catch (error) {
      result.problems.push(String(error));
    }
    await connection.end().catch(() => undefined);
  }
  // Milliseconds only: up to the next one.
  result.end_ns = (BigInt(now()) + 1000000n).toString();
  return result;
}

async function main() {
  const client = CLIENTS[process.argv[2]];
  for (const each of JSON.parse(fs.readFileSync(0, 'utf8'))) {
    process.stdout.write(`${JSON.stringify(await run(client, each))}\n`);
  }
}

main();
