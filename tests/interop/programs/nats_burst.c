// The shapes of `nats bench` with the official C client: run by tests/interop/bursts.py.
//
//   nats_burst URL PUBLISHERS SUBSCRIBERS MESSAGES SIZE   a connection for each
//
// Ends once each subscriber has all messages, and says so; each subscriber looks at their order.
#include <nats/nats.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { deadline = 100 /* s, less than the script waits */, most_publishers = 8 };

static const char subject[] = "burst";

static const char* url;
static uint64_t each;
static int size;
static int publishers;
static int left;  // subscribers that have not all messages yet
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

struct reader {
  uint64_t next[most_publishers];
  uint64_t left;
};

static void fail(const char* why) {
  puts(why);
  exit(1);
}

static void must(natsStatus status) {
  if (status != NATS_OK) fail(natsStatus_GetText(status));
}

static natsConnection* connected(void) {
  natsConnection* connection = NULL;
  must(natsConnection_ConnectTo(&connection, url));
  return connection;
}

static void take(natsConnection* connection, natsSubscription* subscription, natsMsg* message,
                 void* closure) {
  (void)connection, (void)subscription;
  struct reader* reader = closure;
  uint32_t publisher;
  uint64_t number;
  memcpy(&publisher, natsMsg_GetData(message), sizeof publisher);
  memcpy(&number, natsMsg_GetData(message) + sizeof publisher, sizeof number);
  natsMsg_Destroy(message);
  if (publisher >= most_publishers || number != reader->next[publisher]++) {
    fail("a message came where another is next");
  }
  if (--reader->left > 0) return;
  pthread_mutex_lock(&mutex);
  --left;
  pthread_cond_signal(&changed);
  pthread_mutex_unlock(&mutex);
}

static void* publish(void* number) {
  const uint32_t publisher = (uint32_t)(uintptr_t)number;
  natsConnection* connection = connected();
  char* message = calloc(1, (size_t)size);
  memcpy(message, &publisher, sizeof publisher);
  for (uint64_t i = 0; i < each; ++i) {
    memcpy(message + sizeof publisher, &i, sizeof i);
    must(natsConnection_Publish(connection, subject, message, size));
  }
  must(natsConnection_FlushTimeout(connection, deadline * 1000L));
  free(message);
  return NULL;
}

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  url = argv[1];
  publishers = atoi(argv[2]);
  left = atoi(argv[3]);
  each = strtoull(argv[4], NULL, 10) / (uint64_t)publishers;
  size = atoi(argv[5]);
  const int subscribers = left;
  for (int i = 0; i < subscribers; ++i) {
    natsConnection* connection = connected();
    natsSubscription* subscription = NULL;
    struct reader* reader = calloc(1, sizeof *reader);
    reader->left = each * (uint64_t)publishers;
    must(natsConnection_Subscribe(&subscription, connection, subject, take, reader));
    must(natsSubscription_SetPendingLimits(subscription, -1, -1));
    must(natsConnection_FlushTimeout(connection, deadline * 1000L));
  }
  for (int i = 0; i < publishers; ++i) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, publish, (void*)(uintptr_t)i) != 0) fail("no thread");
  }
  struct timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += deadline;
  pthread_mutex_lock(&mutex);
  while (left > 0) {
    if (pthread_cond_timedwait(&changed, &mutex, &end) != 0) fail("not all messages came in time");
  }
  puts("everything came in order");
  fflush(stdout);
  _Exit(0);
}
