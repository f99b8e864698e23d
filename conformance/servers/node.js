const http = require('http');
http.createServer((req, res) => {
  const path = req.url.replace(/^http:\/\/[^/?]*/i, '').split('?')[0];
  if (path !== '/ok' && path !== '/echo') { res.statusCode = 404; return res.end(); }
  const parts = [];
  req.on('data', piece => parts.push(piece));
  req.on('end', () => {
    if (path === '/ok') return res.end('fine\n');
    res.end(Buffer.concat(parts));
  });
}).listen(8084, '127.0.0.1');
