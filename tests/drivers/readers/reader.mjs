// zongji (Node): `node reader.mjs HOST PORT USER PASSWORD SERVER_ID FLAVOR FILE POSITION END`.
// A line for each event: where the next one begins, and the rows that it wrote, as JSON. Ends with the one at END.
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

// The package is not beside this file: NODE_MODULES says where it is.
const { resolve } = createRequire(path.join(process.env.NODE_MODULES, 'here.js'));
const { default: ZongJi } = await import(pathToFileURL(resolve('@vlasky/zongji')));

const [host, port, user, password, serverId, , filename, position, end] = process.argv.slice(2);
const reader = new ZongJi({ host, port: Number(port), user, password });
reader.on('error', (problem) => {
  console.error(problem.message);
  process.exit(1);
});
reader.on('binlog', (event) => {
  const rows = event.getEventName() === 'writerows' ? event.rows.map((row) => Object.values(row)) : null;
  console.log(JSON.stringify([event.nextPosition, rows]));
  if (event.nextPosition >= Number(end)) reader.stop();
});
await reader.start({ serverId: Number(serverId), filename, position: Number(position) });
