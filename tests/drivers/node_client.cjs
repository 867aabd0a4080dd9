// Node drivers, told what to do: `node node_client.cjs DRIVER`, cases as JSON on standard input, a line for each.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { createRequire } = require('node:module');

// The drivers are not beside this file: NODE_MODULES says where they are.
const load = createRequire(path.join(process.env.NODE_MODULES, 'here.js'));

// Whoever has signed it, the name that a certificate is for does not count: MySQL's own names nobody.
function trust(each) {
  if (!each.verify) return { rejectUnauthorized: false };
  return { ca: fs.readFileSync(each.ca), rejectUnauthorized: true, checkServerIdentity: () => undefined };
}

// A connection of a pool, which is given back and asked for again before each ping.
function borrowed(pool, first) {
  let held = first;
  return {
    query: (...words) => held.query(...words),
    execute: (...words) => held.execute(...words),
    async ping() {
      held.release();
      held = await pool.getConnection();
      await held.ping();
    },
    async end() {
      held.release();
      await pool.end();
    },
  };
}

// A value as JavaScript has it; what it has no type for goes as text.
function bound([kind, word]) {
  switch (kind) {
    case 'int':
    case 'double':
      return Number(word);
    case 'unsigned':
      return BigInt(word);
    case 'datetime':
      return new Date(`${word.replace(' ', 'T').slice(0, 23)}Z`);
    case 'blob':
      return Buffer.from(word, 'hex');
    case 'bool':
      return word === '1';
    case 'null':
      return null;
    default:
      return word;
  }
}

const rowsIn = (found) => (Array.isArray(found) ? found.length : 0);

// Steps whose last word is what has to come out.
const DEEDS = {
  idle: async (client, connection, sql, milliseconds) => {
    // The loss is told of while nobody waits, too.
    connection.on?.('error', () => undefined);
    connection.connection?.on?.('error', () => undefined);
    await new Promise((done) => setTimeout(done, milliseconds));
    return client.query(connection, sql).then(() => 'still there', () => 'lost');
  },
  multi: async (client, connection, sql) => {
    const found = await client.query(connection, sql);
    return found.map(rowsIn);
  },
  call: async (client, connection, given, total) => {
    await client.query(connection, `SET @total = ${total}`);
    await client.query(connection, `CALL doubled(${given}, @total, @said)`);
    const rows = await client.query(connection, 'SELECT @total, @said');
    return rows[0].map(String);
  },
  load: async (client, connection, sql) => client.written(await client.query(connection, sql)),
  typed: async (client, connection, sql, values) =>
    client.written(await client.prepared(connection, sql, values.map(bound))),
  batch: async (client, connection, sql, rows) => {
    if (client.batch) return client.written(await client.batch(connection, sql, rows));
    let total = 0;
    for (const row of rows) total += client.written(await client.prepared(connection, sql, row));
    return total;
  },
  together: async (client, connection, statements) => {
    const found = await Promise.all(statements.map((sql) => client.query(connection, sql)));
    return found.map(rowsIn);
  },
};

const CLIENTS = {
  'mysql2 (Node)': {
    async connect(each) {
      const options = { host: each.host, port: each.port, user: each.user, password: each.password };
      Object.assign(options, { database: each.database, compress: each.compress });
      Object.assign(options, { connectAttributes: each.attributes, multipleStatements: each.multi });
      if (each.infile) options.infileStreamFactory = (name) => fs.createReadStream(name);
      if (each.tls) options.ssl = trust(each);
      const library = load(`${process.env.HANDSHARK_MODULE ?? 'mysql2'}/promise`);
      if (!each.pool) return library.createConnection(options);
      const pool = library.createPool({ ...options, connectionLimit: 1 });
      return borrowed(pool, await pool.getConnection());
    },
    written: (found) => found.affectedRows,
    query: async (connection, sql) => (await connection.query({ sql, rowsAsArray: true }))[0],
    prepared: async (connection, sql, values) => (await connection.execute({ sql, rowsAsArray: true }, values))[0],
    changeUser: (connection, options) => connection.changeUser(options),
    reset: (connection) => connection.reset(),
  },
  'mysql (Node)': {
    async connect(each) {
      const options = { host: each.host, port: each.port, user: each.user, password: each.password };
      Object.assign(options, { database: each.database, multipleStatements: each.multi });
      if (each.tls) options.ssl = trust(each);
      const held = load('mysql').createConnection(options);
      const later = (name) => (...words) =>
        new Promise((done, failed) => {
          held[name](...words, (problem, found) => (problem ? failed(problem) : done(found)));
        });
      await later('connect')();
      return Object.fromEntries(['query', 'ping', 'changeUser', 'end'].map((name) => [name, later(name)]));
    },
    query: async (connection, sql) => {
      const found = await connection.query(sql);
      const rows = (each) => (Array.isArray(each) ? each.map(Object.values) : each);
      return Array.isArray(found?.[0]) ? found.map(rows) : rows(found);
    },
    changeUser: (connection, options) => connection.changeUser(options),
  },
  'mariadb (Node)': {
    async connect(each) {
      const options = { host: each.host, port: each.port, user: each.user, password: each.password };
      Object.assign(options, { database: each.database, compress: each.compress });
      Object.assign(options, { connectAttributes: each.attributes, allowPublicKeyRetrieval: true });
      options.ssl = each.tls ? trust(each) : false;
      Object.assign(options, { multipleStatements: each.multi, bigIntAsNumber: true, checkDuplicate: false });
      if (each.infile) options.permitLocalInfile = true;
      return load(process.env.HANDSHARK_MODULE ?? 'mariadb').createConnection(options);
    },
    // Of a batch it gives one answer or several, as the server can take it.
    written: (found) => [found].flat().reduce((total, each) => total + each.affectedRows, 0),
    batch: (connection, sql, rows) => connection.batch(sql, rows),
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
    } else if (DEEDS[kind]) {
      const found = await DEEDS[kind](client, connection, ...words.slice(0, -1));
      const shown = JSON.stringify(found);
      if (shown !== JSON.stringify(words.at(-1))) result.problems.push(`${kind} ${words[0]}: ${shown}`);
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
