// Runs an OpenID provider on a free port of the loopback interface and prints its
// address.
//
//   node serve.mjs DIRECTORY NAME
//
// DIRECTORY is the directory in which npm has installed the package NAME. NAME.mjs
// next to this file sets it up. POST /rotate replaces all keys. The program ends
// when its standard input is closed.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [directory, name] = process.argv.slice(2);
const installed = createRequire(join(directory, 'node_modules/'));
const library = await import(pathToFileURL(installed.resolve(name)));
const { start } = await import(`./${name}.mjs`);

let provider;
const server = createServer(async (request, response) => {
  if (request.url === '/rotate') {
    provider = await start(library, base);
    response.end();
    return;
  }
  provider(request, response);
});
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const base = `http://127.0.0.1:${server.address().port}`;
provider = await start(library, base);

process.stdin.on('end', () => process.exit(0)).resume();
console.log(base);
