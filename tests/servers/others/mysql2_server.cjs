// mysql2's createServer (Node), which knows SELECT 1 and nothing else: `node mysql2_server.cjs PORT`.
'use strict';

const path = require('node:path');
const { createRequire } = require('node:module');

// The package is not beside this file: NODE_MODULES says where it is.
const { createServer } = createRequire(path.join(process.env.NODE_MODULES, 'here.js'))('mysql2');

// All that the library has, but TLS and compression, which it does not speak.
const CAPABILITIES = 0xffffff & ~0x800 & ~0x20;
const COLUMN = { catalog: 'def', schema: '', table: '', orgTable: '', name: '1', orgName: '', columnType: 8 };
let number = 0;

// The library counts on from the login; an answer's first packet has the number 1.
function begin(connection) {
  connection.sequenceId = 1;
}

const server = createServer();
server.on('connection', (connection) => {
  number += 1;
  connection.serverHandshake({
    protocolVersion: 10,
    serverVersion: '8.0.30-mysql2',
    connectionId: number,
    statusFlags: 2,
    characterSet: 45,
    capabilityFlags: CAPABILITIES,
    authCallback: (_, done) => done(null),
  });
  connection.on('query', (statement) => {
    begin(connection);
    if (statement !== 'SELECT 1') {
      connection.writeError({ code: 1064, message: `not known: ${statement}` });
      return;
    }
    connection.writeTextResult([{ 1: 1 }], [{ ...COLUMN, flags: 0, decimals: 0, characterSet: 63, columnLength: 1 }]);
  });
  // A statement that begins with SET or PREPARE comes here: without a listener it is never answered.
  connection.on('stmt_prepare', () => {
    begin(connection);
    connection.writeOk();
  });
  connection.on('quit', () => connection.close());
  connection.on('error', () => undefined);
});
server.listen(Number(process.argv[2]), '127.0.0.1');
