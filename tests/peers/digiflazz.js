// An agent's program over the npm package `digiflazz`: what it gets for each of its calls, as JSON.
// Its arguments: the folder of the package, our endpoint, member and key.
const http = require('http');

const [folder, endpoint, member, key] = process.argv.slice(2);
const Digiflazz = require(`${folder}/digiflazz`);

function client(secret) {
  const made = new Digiflazz(member, secret, key);
  made._endpoint = endpoint;
  return made;
}

// The class of an error, and its message, stand for it.
async function tried(asked) {
  try {
    return await asked;
  } catch (error) {
    return { error: error.name, message: error.message };
  }
}

async function ask() {
  const one = client(key);
  return {
    saldo: await tried(one.cekSaldo()),
    harga: await tried(one.daftarHarga()),
    deposit: await tried(one.deposit(500000, '', 'TOKO')),
    first: await tried(one.transaksi('S10', '081200000012', 'ref-1')),
    again: await tried(one.transaksi('S10', '081200000012', 'ref-1')),
    status: await tried(one.transaksi('S10', '081200000012', 'ref-1', 'STATUS')),
    second: await tried(one.transaksi('S10', '081200000012', 'ref-2')),
    number: await tried(one.transaksi('S10', '0812', 'ref-3')),
    product: await tried(one.transaksi('ZZ9', '081200000012', 'ref-4')),
    conflict: await tried(one.transaksi('S10', '081200000099', 'ref-1')),
    bill: await tried(one.transaksi('S10', '081200000012', 'ref-5', 'CEK')),
    forged: await tried(client('another key').transaksi('S10', '081200000012', 'ref-6')),
  };
}

// One report comes to its webhook; what the package found in it is printed, too.
function listen(answers) {
  const one = client(key);
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      request.body = JSON.parse(Buffer.concat(parts).toString());
      response.json = (record) => response.end(JSON.stringify(record));
      one.onWebhook(request, response, () => {});
      console.log(JSON.stringify({ hook: request.digiwebhooks || null }));
      server.close(() => process.exit(0));
    });
  });
  server.listen(0, '127.0.0.1', () => {
    console.log(JSON.stringify({ ...answers, port: server.address().port }));
  });
}

ask().then(listen);
