// ImapFlow (Node) does what every client of tests/tests/all/readers does: lists, reads, flags, moves, removes, files, waits.
// Arguments: the contract file, where the library is, operator, kind and number of the account, the folder.
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

// Node 18, which Debian 12 has, keeps it elsewhere.
globalThis.crypto ??= webcrypto;
const [contract, library, operator, kind, number, folder] = process.argv.slice(2);
const { ImapFlow } = createRequire(`${library}/`)('imapflow');
const ready = JSON.parse(readFileSync(contract, 'utf8'));
const house = ready.operators[Number(operator)];
const who = house.accounts.filter((a) => a.kind === kind && !a.test)[Number(number)];
const open = async () => {
    const client = new ImapFlow({
        host: 'localhost', port: Number(house.endpoints.imaps.split(':').pop()), secure: true, logger: false,
        auth: { user: who.login, pass: who.token }, tls: { ca: readFileSync(ready.anchors) },
    });
    await client.connect();
    return client;
};

const client = await open();
const listed = await client.list({ statusQuery: { messages: true, unseen: true } });
const found = listed.find((one) => one.path === folder);
assert.equal(found?.status?.messages, 1, JSON.stringify(listed));
assert.equal(listed.find((one) => one.specialUse === '\\Sent')?.path, 'Sent');
assert.equal((await client.status('INBOX', { messages: true, uidNext: true })).messages, 3);

const lock = await client.getMailboxLock('INBOX');
assert.equal(client.mailbox.exists, 3);
const uids = {};
for await (const one of client.fetch('1:*', { envelope: true, bodyStructure: true, flags: true, size: true, source: true })) {
    uids[one.envelope.subject.split(/\s/)[0]] = one.uid;
    assert.equal(one.source.length, one.size);
    assert.equal(one.bodyStructure.type, 'text/plain');
    assert.ok(one.source.includes('Les résultats de l\'été'));
}
assert.deepEqual(Object.keys(uids), ['Premier', 'Second', 'Troisième']);
const { content } = await client.download(String(uids.Premier), '1', { uid: true });
let text = '';
for await (const piece of content) text += piece.toString();
assert.ok(text.includes('37 °C, 80 €'), text);
assert.deepEqual(await client.search({ subject: 'Troisième' }, { uid: true }), [uids['Troisième']]);
assert.ok(await client.messageFlagsAdd(String(uids.Premier), ['\\Flagged'], { uid: true }));
assert.ok((await client.messageMove(String(uids.Second), folder, { uid: true })).uidMap.get(uids.Second));
assert.ok(await client.messageDelete(String(uids['Troisième']), { uid: true }));
const added = await client.append(folder, 'Subject: Nouveau\r\nX-Nouveau: oui\r\n\r\nÀ garder\r\n', ['\\Seen'], new Date());
assert.ok(added.uid);
assert.equal(client.mailbox.exists, 1);

// What another session does is told while it waits.
const told = new Promise((resolve, reject) => {
    client.on('flags', resolve);
    setTimeout(() => reject(new Error('nothing was told')), 20_000).unref();
});
const waiting = client.idle();
const other = await open();
await other.mailboxOpen('INBOX');
await other.messageFlagsAdd('1', ['\\Seen']);
await other.logout();
const change = await told;
assert.ok(change.flags.has('\\Seen') && change.flags.has('\\Flagged'), JSON.stringify([...change.flags]));
lock.release();
await client.noop();
await waiting;
const quota = await client.getQuota('INBOX');
assert.ok(!client.capabilities.has('QUOTA') || quota, 'quota');
await client.mailboxCreate(['À relire']);
await client.mailboxRename('À relire', 'À jeter');
await client.mailboxDelete('À jeter');
await client.logout();
console.log('done');
