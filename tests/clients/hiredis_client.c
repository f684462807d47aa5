// Drives a server through hiredis: single commands, pipelines, binary and large values, errors, many
// connections. Usage: strata_hiredis_client HOST PORT. Prints one line per check; exit code 0 if all hold.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <hiredis/hiredis.h>

enum { kPipelineLength = 10000, kLargeBytes = 64 * 1024 * 1024, kConnections = 100 };

static int failures = 0;

static void check(int holds, const char* what) {
  printf("%s: %s\n", holds ? "ok" : "FAILED", what);
  if (!holds) ++failures;
}

static redisContext* connect_or_exit(const char* host, int port) {
  const struct timeval timeout = {60, 0};
  redisContext* context = redisConnectWithTimeout(host, port, timeout);
  if (context == NULL || context->err != 0) {
    fprintf(stderr, "cannot connect to %s:%d: %s\n", host, port, context == NULL ? "out of memory" : context->errstr);
    exit(2);
  }
  redisSetTimeout(context, timeout);
  return context;
}

// Whether the reply is what is expected; frees it.
static int is_text(redisReply* reply, int type, const char* text, size_t length) {
  const int same = reply != NULL && reply->type == type && (size_t)reply->len == length && memcmp(reply->str, text, length) == 0;
  if (reply != NULL) freeReplyObject(reply);
  return same;
}

static int is_integer(redisReply* reply, long long value) {
  const int same = reply != NULL && reply->type == REDIS_REPLY_INTEGER && reply->integer == value;
  if (reply != NULL) freeReplyObject(reply);
  return same;
}

static int is_nil(redisReply* reply) {
  const int same = reply != NULL && reply->type == REDIS_REPLY_NIL;
  if (reply != NULL) freeReplyObject(reply);
  return same;
}

static void check_commands(redisContext* context) {
  check(is_text(redisCommand(context, "FLUSHALL"), REDIS_REPLY_STATUS, "OK", 2), "FLUSHALL");
  check(is_text(redisCommand(context, "PING"), REDIS_REPLY_STATUS, "PONG", 4), "PING");
  check(is_text(redisCommand(context, "SET %s %s EX %d", "greeting", "hello", 1000), REDIS_REPLY_STATUS, "OK", 2),
        "SET with expiry");
  check(is_text(redisCommand(context, "GET greeting"), REDIS_REPLY_STRING, "hello", 5), "GET");
  check(is_nil(redisCommand(context, "GET nothing")), "GET of a missing key");
  check(is_integer(redisCommand(context, "INCRBY counter %lld", 41LL), 41), "INCRBY");
  check(is_integer(redisCommand(context, "DEL counter nothing"), 1), "DEL");

  redisReply* error = redisCommand(context, "INCR greeting");
  check(error != NULL && error->type == REDIS_REPLY_ERROR && strncmp(error->str, "ERR value is not an integer", 27) == 0,
        "an error is a reply");
  if (error != NULL) freeReplyObject(error);

  redisReply* many = redisCommand(context, "MGET greeting nothing greeting");
  check(many != NULL && many->type == REDIS_REPLY_ARRAY && many->elements == 3 && many->element[0]->type == REDIS_REPLY_STRING &&
            many->element[1]->type == REDIS_REPLY_NIL && strcmp(many->element[2]->str, "hello") == 0,
        "MGET");
  if (many != NULL) freeReplyObject(many);

  redisReply* scanned = redisCommand(context, "SCAN 0 COUNT 1000");
  check(scanned != NULL && scanned->type == REDIS_REPLY_ARRAY && scanned->elements == 2 && scanned->element[1]->elements == 1,
        "SCAN");
  if (scanned != NULL) freeReplyObject(scanned);
}

static void check_binary(redisContext* context) {
  char every_byte[256];
  for (int i = 0; i < 256; ++i) every_byte[i] = (char)i;
  check(
      is_text(redisCommand(context, "SET %b %b", every_byte, (size_t)256, every_byte, (size_t)256), REDIS_REPLY_STATUS, "OK", 2),
      "SET of every byte");
  check(is_text(redisCommand(context, "GET %b", every_byte, (size_t)256), REDIS_REPLY_STRING, every_byte, 256),
        "GET of every byte");
}

static void check_large(redisContext* context) {
  char* value = malloc(kLargeBytes);
  if (value == NULL) {
    check(0, "memory for a large value");
    return;
  }
  for (size_t i = 0; i < kLargeBytes; ++i) value[i] = (char)(i * 31 + i / 4096);
  check(is_text(redisCommand(context, "SET large %b", value, (size_t)kLargeBytes), REDIS_REPLY_STATUS, "OK", 2), "SET of 64 MB");
  check(is_text(redisCommand(context, "GET large"), REDIS_REPLY_STRING, value, kLargeBytes), "GET of 64 MB");
  check(is_integer(redisCommand(context, "UNLINK large"), 1), "UNLINK of 64 MB");
  free(value);
}

static void check_pipeline(redisContext* context) {
  int appended = 1;
  for (int i = 0; i < kPipelineLength; ++i) {
    appended &= redisAppendCommand(context, "SET pipeline:%d %d", i, i) == REDIS_OK;
    appended &= redisAppendCommand(context, "GET pipeline:%d", i) == REDIS_OK;
  }
  check(appended, "a pipeline is queued");
  int good = 0;
  for (int i = 0; i < kPipelineLength; ++i) {
    void* stored = NULL;
    void* read = NULL;
    char expected[16];
    const int length = snprintf(expected, sizeof expected, "%d", i);
    if (redisGetReply(context, &stored) != REDIS_OK || redisGetReply(context, &read) != REDIS_OK) break;
    const int stored_well = is_text(stored, REDIS_REPLY_STATUS, "OK", 2);
    good += is_text(read, REDIS_REPLY_STRING, expected, (size_t)length) && stored_well;
  }
  check(good == kPipelineLength, "10,000 SET and GET in one pipeline");
}

static void check_connections(const char* host, int port) {
  redisContext* contexts[kConnections];
  for (int i = 0; i < kConnections; ++i) contexts[i] = connect_or_exit(host, port);
  int good = 0;
  for (int i = 0; i < kConnections; ++i) good += is_integer(redisCommand(contexts[i], "INCR connections"), i + 1);
  for (int i = 0; i < kConnections; ++i) redisFree(contexts[i]);
  check(good == kConnections, "100 connections");
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s HOST PORT\n", argv[0]);
    return 2;
  }
  const char* host = argv[1];
  const int port = atoi(argv[2]);
  redisContext* context = connect_or_exit(host, port);
  check_commands(context);
  check_binary(context);
  check_pipeline(context);
  check_large(context);
  check_connections(host, port);
  check(is_text(redisCommand(context, "QUIT"), REDIS_REPLY_STATUS, "OK", 2), "QUIT");
  redisFree(context);
  return failures == 0 ? 0 : 1;
}
