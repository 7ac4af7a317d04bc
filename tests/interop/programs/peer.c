/* A peer written in C on hallway.h: run by tests/interop/languages.py. See _languages.py for its
 * words. */
#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <fcntl.h>
#include <hallway.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE (40 * HALLWAY_SECOND)

static hallway_loop* loop;
static hallway_error* error;

static void must(hallway_outcome outcome) {
  if (outcome != HALLWAY_OK) exit(hallway_report(error));
}

static void must_have(const void* made) {
  if (made == NULL) abort();
}

static hallway_socket_type type_of(const char* network) {
  if (strcmp(network, "unixpacket") == 0) return HALLWAY_SEQPACKET;
  return strcmp(network, "unixgram") == 0 ? HALLWAY_DATAGRAM : HALLWAY_STREAM;
}

static void run_loop(void) {
  int status;
  must(hallway_loop_run(loop, &status, &error));
  if (status != 0) exit(status);
}

/* --- client --- */

static void ask_all(const char* network, const char* address, char** messages, int count) {
  hallway_client* server = NULL;
  hallway_connect_options* options = hallway_connect_options_new();
  must_have(options);
  must(hallway_connect_options_set_type(options, type_of(network), &error));
  must(hallway_client_connect(address, options, NULL, &server, &error));
  hallway_connect_options_free(options);
  for (int i = 0; i < count; ++i) {
    hallway_view answer;
    must(hallway_client_request(server, messages[i], strlen(messages[i]), DEADLINE, &answer,
                                &error));
    printf("%.*s\n", (int)answer.size, answer.data);
  }
  hallway_client_free(server);
}

/* A datagram socket has a loop: each answer sends the next question. It may arrive before the loop
 * says that the question was sent. */
static struct {
  const char* address;
  char** messages;
  int unsent;
  int unanswered;
} questions;

static void stop_when_done(void) {
  if (questions.unsent == 0 && questions.unanswered == 0) hallway_loop_stop(loop, 0);
}

static void on_sent(hallway_datagram_socket* socket, hallway_outcome outcome,
                    const hallway_error* why, void* user) {
  (void)socket;
  (void)user;
  if (outcome != HALLWAY_OK) {
    fprintf(stderr, "%s\n", hallway_error_explain(why));
    exit(1);
  }
  --questions.unsent;
  stop_when_done();
}

static void ask_next(hallway_datagram_socket* socket) {
  const char* message = *questions.messages++;
  must(hallway_datagram_socket_send(socket, questions.address, message, strlen(message), NULL, 0,
                                    DEADLINE, on_sent, NULL, &error));
}

static void on_answer(hallway_datagram_socket* socket, hallway_datagram* datagram, void* user) {
  const hallway_view answer = hallway_datagram_bytes(datagram);
  (void)user;
  printf("%.*s\n", (int)answer.size, answer.data);
  if (--questions.unanswered > 0) ask_next(socket);
  stop_when_done();
}

static void ask_all_by_datagram(const char* address, char** messages, int count) {
  hallway_datagram_socket* socket = NULL;
  questions.address = address;
  questions.messages = messages;
  questions.unsent = questions.unanswered = count;
  must(hallway_datagram_socket_bind(loop, "autobind", NULL, on_answer, NULL, &socket, &error));
  ask_next(socket);
  run_loop();
  hallway_datagram_socket_free(socket);
}

/* --- server --- */

/* In capitals, in a buffer of this function's own. */
static hallway_view loud(hallway_view message) {
  static char buffer[1 << 16];
  if (message.size > sizeof buffer) abort();
  for (size_t i = 0; i < message.size; ++i)
    buffer[i] = (char)toupper((unsigned char)message.data[i]);
  message.data = buffer;
  return message;
}

static int is_done(hallway_view message) {
  return message.size == 4 && memcmp(message.data, "DONE", 4) == 0;
}

static void finish(void) { must(hallway_loop_drain(loop, DEADLINE, &error)); }

static void answer_in_capitals(hallway_connection* client, void* user) {
  hallway_view messages[8];
  size_t count;
  (void)user;
  while (hallway_receive(client, messages, 8, &count, NULL) == HALLWAY_OK) {
    for (size_t i = 0; i < count; ++i) {
      const hallway_view answer = loud(messages[i]);
      must(hallway_send(client, answer.data, answer.size, &error));
      if (is_done(messages[i])) {
        finish();
        return;
      }
    }
  }
}

static void on_connection(hallway_connection* client, void* user) {
  (void)user;
  hallway_connection_on_readable(client, answer_in_capitals);
}

static void on_datagram(hallway_datagram_socket* socket, hallway_datagram* datagram, void* user) {
  const hallway_view question = hallway_datagram_bytes(datagram);
  const hallway_view answer = loud(question);
  hallway_return_address* sender = hallway_return_address_new(datagram);
  (void)user;
  must_have(sender);
  must(hallway_datagram_socket_answer(socket, sender, answer.data, answer.size, NULL, 0, DEADLINE,
                                      on_sent, NULL, &error));
  hallway_return_address_free(sender);
  if (is_done(question)) finish();
}

static void serve(const char* network, const char* address) {
  if (type_of(network) == HALLWAY_DATAGRAM) {
    hallway_datagram_socket* socket = NULL;
    must(hallway_datagram_socket_bind(loop, address, NULL, on_datagram, NULL, &socket, &error));
    run_loop();
    hallway_datagram_socket_free(socket);
    return;
  }
  hallway_server* server = NULL;
  hallway_server_options* options = hallway_server_options_new();
  must_have(options);
  must(hallway_server_options_set_type(options, type_of(network), &error));
  must(hallway_server_open(loop, address, options, on_connection, NULL, &server, &error));
  hallway_server_options_free(options);
  run_loop();
  hallway_server_free(server);
}

/* --- descriptors --- */

static void give(const char* address, const char* name) {
  hallway_client* taker = NULL;
  hallway_view answer;
  size_t count;
  const int file = open(name, O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    perror(name);
    exit(1);
  }
  must(hallway_client_connect(address, NULL, NULL, &taker, &error));
  must(hallway_client_send_descriptors(taker, name, strlen(name), &file, 1, DEADLINE, &error));
  must(hallway_client_receive(taker, &answer, 1, &count, DEADLINE, &error));
  printf("%.*s\n", (int)answer.size, answer.data);
  hallway_client_free(taker);
}

static void print_quoted(const char* text, size_t size) {
  putchar('"');
  for (size_t i = 0; i < size; ++i) {
    if (text[i] == '\n') {
      fputs("\\n", stdout);
    } else {
      putchar(text[i]);
    }
  }
  putchar('"');
}

static void take_file(hallway_connection* giver, void* user) {
  hallway_view name;
  size_t count;
  int files[2];
  (void)user;
  if (hallway_receive(giver, &name, 1, &count, NULL) != HALLWAY_OK) return;
  const size_t taken = hallway_connection_take_descriptors(giver, files, 2);
  if (taken != 1) abort();
  char text[1024];
  const ssize_t size = read(files[0], text, sizeof text);
  if (size < 0) abort();
  print_quoted(name.data, name.size);
  printf(" brought %zu: ", taken);
  print_quoted(text, (size_t)size);
  printf(" (truncated: %s)\n", hallway_connection_descriptors_lost(giver) ? "true" : "false");
  close(files[0]);
  must(hallway_send(giver, "taken\n", 6, &error));
  finish();
}

static void on_giver(hallway_connection* giver, void* user) {
  (void)user;
  hallway_connection_on_readable(giver, take_file);
}

static void take(const char* address) {
  hallway_server* server = NULL;
  hallway_server_options* options = hallway_server_options_new();
  hallway_connection_options* each = hallway_connection_options_new();
  must_have(options);
  must_have(each);
  hallway_connection_options_set_descriptors(each, 1);
  must(hallway_connection_options_set_framing(each, "raw", &error));
  hallway_server_options_set_connection(options, each);
  must(hallway_server_open(loop, address, options, on_giver, NULL, &server, &error));
  hallway_connection_options_free(each);
  hallway_server_options_free(options);
  run_loop();
  hallway_server_free(server);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  must(hallway_loop_new(-1, &loop, &error));
  if (strcmp(argv[1], "client") == 0 && argc > 4 && type_of(argv[2]) == HALLWAY_DATAGRAM) {
    ask_all_by_datagram(argv[3], argv + 4, argc - 4);
  } else if (strcmp(argv[1], "client") == 0 && argc > 4) {
    ask_all(argv[2], argv[3], argv + 4, argc - 4);
  } else if (strcmp(argv[1], "server") == 0 && argc == 4) {
    serve(argv[2], argv[3]);
  } else if (strcmp(argv[1], "give") == 0 && argc == 4) {
    give(argv[2], argv[3]);
  } else if (strcmp(argv[1], "take") == 0) {
    take(argv[2]);
  } else {
    return 2;
  }
  hallway_loop_free(loop);
  return 0;
}
