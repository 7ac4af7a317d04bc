/* SPDX-License-Identifier: Apache-2.0
 * contrib/nats/c on a hub's Unix socket: run by tests/interop/contrib_nats.py.
 *
 *     nats_c_client ADDRESS    prints what it heard, and "back" once it has reconnected
 */
#include <stdio.h>
#include <stdlib.h>

#include "hallway_nats.h"

enum { deadline = 30000 }; /* milliseconds */

static void must(natsStatus status) {
  if (status == NATS_OK) return;
  fprintf(stderr, "%s\n", natsStatus_GetText(status));
  exit(1);
}

static void answer(natsConnection* connection, natsSubscription* subscription, natsMsg* message,
                   void* closure) {
  (void)subscription;
  (void)closure;
  must(natsConnection_PublishString(connection, natsMsg_GetReply(message), "PARIS"));
  natsMsg_Destroy(message);
}

int main(int count, char** words) {
  natsOptions* options;
  natsConnection* connection;
  natsSubscription *heard, *service;
  natsMsg* message;
  natsStatistics* statistics;
  uint64_t reconnects = 0;
  if (count != 2) return 2;
  must(natsOptions_Create(&options));
  must(hallway_nats_use_socket(options, words[1]));
  must(natsOptions_SetMaxReconnect(options, -1));
  must(natsOptions_SetReconnectWait(options, 10));
  must(natsConnection_Connect(&connection, options));
  must(natsConnection_SubscribeSync(&heard, connection, "news.*"));
  must(natsConnection_Subscribe(&service, connection, "capitals", answer, NULL));
  must(natsConnection_PublishString(connection, "news.today", "it rains"));
  must(natsConnection_RequestString(&message, connection, "capitals", "paris", deadline));
  printf("%s\n", natsMsg_GetData(message));
  natsMsg_Destroy(message);
  must(natsSubscription_NextMsg(&message, heard, deadline));
  printf("%s %s\n", natsMsg_GetSubject(message), natsMsg_GetData(message));
  natsMsg_Destroy(message);
  fflush(stdout);
  must(natsStatistics_Create(&statistics));
  while (reconnects == 0) {
    nats_Sleep(1);
    must(natsConnection_GetStats(connection, statistics));
    must(natsStatistics_GetCounts(statistics, NULL, NULL, NULL, NULL, &reconnects));
  }
  printf("back\n");
  natsStatistics_Destroy(statistics);
  natsSubscription_Destroy(heard);
  natsSubscription_Destroy(service);
  natsConnection_Destroy(connection);
  natsOptions_Destroy(options);
  nats_Close();
  return 0;
}
