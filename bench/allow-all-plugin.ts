// The least that an authorization plugin can do: it allows everything and looks at nothing. Argument: its socket.
import { createServer } from 'node:http';

const [socket = ''] = process.argv.slice(2);
createServer({ requireHostHeader: false, keepAliveTimeout: 0 }, (request, response) => {
  request.resume();
  request.on('end', () => {
    const text = request.url === '/Plugin.Activate' ? '{"Implements":["authz"]}' : '{"Allow":true}';
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
    response.end(text);
  });
}).listen(socket, () => console.log('listening'));
