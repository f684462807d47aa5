// The current Node.js clients, node-redis and ioredis, each over RESP2 and RESP3, as applications use them.
// STRATA_HOST and STRATA_PORT say where the server is; it is flushed.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";

import { Redis } from "ioredis";
import { RESP_TYPES, createClient } from "redis";

const host = process.env.STRATA_HOST ?? "127.0.0.1";
const port = Number(process.env.STRATA_PORT);
assert.ok(port > 0, "set STRATA_PORT to the port of the server");

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const largeBytes = 8 * 1024 * 1024;
const pipelineLength = 5000;

for (const RESP of [2, 3]) {
  describe(`node-redis, RESP${RESP}`, () => {
    let client;

    before(async () => {
      client = createClient({ socket: { host, port, reconnectStrategy: false }, RESP, name: `node-redis-${RESP}`, database: 1 });
      await client.connect();
    });
    after(() => client.close());
    beforeEach(() => client.flushAll());

    test("handshake: name, database and protocol are what was asked for", async () => {
      assert.equal(await client.clientGetName(), `node-redis-${RESP}`);
      const info = await client.sendCommand(["CLIENT", "INFO"]);
      assert.match(info, new RegExp(` db=1 .* resp=${RESP}`));
    });

    test("strings, options and counters", async () => {
      assert.equal(await client.set("k", "v", { expiration: { type: "EX", value: 1000 }, condition: "NX" }), "OK");
      assert.equal(await client.set("k", "w", { condition: "NX" }), null);
      assert.equal(await client.set("k", "w", { expiration: "KEEPTTL", GET: true }), "v");
      assert.ok((await client.ttl("k")) > 900);
      assert.equal(await client.persist("k"), 1);
      assert.equal(await client.incrBy("n", 5), 5);
      assert.equal(await client.decr("n"), 4);
      assert.equal(await client.append("k", "!"), 2);
      assert.equal(await client.strLen("k"), 2);
      assert.deepEqual(await client.mGet(["k", "none", "n"]), ["w!", null, "4"]);
      assert.equal(await client.mSet({ a: "1", b: "2" }), "OK");
      assert.equal(await client.exists(["a", "b", "none"]), 2);
      assert.equal(await client.type("a"), "string");
      assert.equal(await client.unlink(["a", "b", "k"]), 3);
      assert.equal(await client.dbSize(), 1);
    });

    test("errors are rejected promises and the connection goes on", async () => {
      await client.set("text", "abc");
      await assert.rejects(client.incr("text"), /ERR value is not an integer or out of range/);
      await assert.rejects(client.sendCommand(["NOSUCH"]), /ERR unknown command/);
      assert.equal(await client.ping(), "PONG");
    });

    test("binary keys and values, and a large value", async () => {
      const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
      await binary.set(everyByte, everyByte);
      assert.deepEqual(await binary.get(everyByte), everyByte);
      const large = Buffer.alloc(largeBytes, everyByte);
      await binary.set("large", large);
      assert.ok(large.equals(await binary.get("large")));
    });

    test("commands sent at once form a pipeline and keep their order", async () => {
      const replies = await Promise.all(Array.from({ length: pipelineLength }, () => client.incr("n")));
      assert.deepEqual(replies, Array.from({ length: pipelineLength }, (_, i) => i + 1));
    });

    test("scan iterator", async () => {
      await client.mSet(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`scan:${i}`, "v"])));
      const found = new Set();
      for await (const keys of client.scanIterator({ MATCH: "scan:*", COUNT: 50 })) keys.forEach((key) => found.add(key));
      assert.equal(found.size, 500);
    });

    test("administration: CONFIG, INFO, COMMAND, TIME", async () => {
      assert.deepEqual(Object.keys(await client.configGet("maxmemory")), ["maxmemory"]);
      assert.match(await client.info("server"), /redis_version:[789]/);
      assert.ok((await client.commandCount()) > 30);
      assert.ok((await client.command()).some(({ name }) => name === "get"));
      assert.ok(Array.isArray(await client.clientList()));
      assert.ok((await client.time()) !== null);
    });
  });
}

for (const protocol of [2, 3]) {
  describe(`ioredis, RESP${protocol}`, () => {
    let client;

    before(async () => {
      client = new Redis({ host, port, protocol, db: 2, connectionName: `ioredis-${protocol}`, retryStrategy: null, lazyConnect: true });
      await client.connect();
    });
    after(() => client.quit());
    beforeEach(() => client.flushall());

    test("handshake: name, database and protocol are what was asked for", async () => {
      assert.equal(await client.client("GETNAME"), `ioredis-${protocol}`);
      assert.match(await client.client("INFO"), new RegExp(` db=2 .* resp=${protocol}`));
      assert.equal(client.status, "ready");
    });

    test("strings, options and counters", async () => {
      assert.equal(await client.set("k", "v", "EX", 1000, "NX"), "OK");
      assert.equal(await client.set("k", "w", "NX"), null);
      assert.equal(await client.set("k", "w", "KEEPTTL", "GET"), "v");
      assert.ok((await client.pttl("k")) > 900_000);
      assert.equal(await client.incrby("n", 7), 7);
      assert.deepEqual(await client.mget("k", "none", "n"), ["w", null, "7"]);
      assert.equal(await client.del("k", "n"), 2);
    });

    test("errors are rejected promises and the connection goes on", async () => {
      await client.set("text", "abc");
      await assert.rejects(client.incr("text"), /ERR value is not an integer or out of range/);
      await assert.rejects(client.call("NOSUCH"), /ERR unknown command/);
      assert.equal(await client.ping(), "PONG");
    });

    test("pipeline with an error inside", async () => {
      const replies = await client.pipeline().set("a", "x").incr("a").get("a").exec();
      assert.deepEqual([replies[0], replies[2]], [[null, "OK"], [null, "x"]]);
      assert.match(replies[1][0].message, /not an integer/);
      const pipeline = client.pipeline();
      for (let i = 0; i < pipelineLength; ++i) pipeline.incr("n");
      const counted = await pipeline.exec();
      assert.deepEqual(counted.map(([error, value]) => error ?? value), Array.from({ length: pipelineLength }, (_, i) => i + 1));
    });

    test("binary keys and values, and a large value", async () => {
      await client.set(everyByte, everyByte);
      assert.deepEqual(await client.getBuffer(everyByte), everyByte);
      const large = Buffer.alloc(largeBytes, everyByte);
      await client.set("large", large);
      assert.ok(large.equals(await client.getBuffer("large")));
    });

    test("scan stream", async () => {
      await client.mset(Array.from({ length: 500 }, (_, i) => [`scan:${i}`, "v"]).flat());
      const found = new Set();
      for await (const keys of client.scanStream({ match: "scan:*", count: 50 })) keys.forEach((key) => found.add(key));
      assert.equal(found.size, 500);
    });
  });
}
