// Prints, for each URL of the JSON array on standard input, the origin that a
// browser goes to (WHATWG URL), or null for one that does not parse.
let input = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk) => { input += chunk; });
process.stdin.on('end', () => {
  const origins = JSON.parse(input).map((url) => {
    try {
      return new URL(url).origin;
    } catch {
      return null;
    }
  });
  process.stdout.write(JSON.stringify(origins));
});
