/* SPDX-License-Identifier: Apache-2.0
 *
 * Hallway for C: Unix domain sockets as messages. This header is the manual; it compiles as C99 and
 * as C++. Link with libhallway_c.so.0 (pkg-config hallway-c, CMake target hallway::c).
 *
 *     #include <hallway.h>
 *     #include <stdio.h>
 *
 *     int main(void) {
 *       hallway_client* app = NULL;
 *       hallway_error* error = NULL;
 *       hallway_view answer;
 *       if (hallway_client_connect("/run/app.sock", NULL, NULL, &app, &error) != HALLWAY_OK)
 *         return hallway_report(error);
 *       if (hallway_client_request(app, "hi", 2, HALLWAY_SECOND, &answer, &error) != HALLWAY_OK)
 *         return hallway_report(error);
 *       printf("%.*s\n", (int)answer.size, answer.data);
 *       hallway_client_free(app);
 *       return 0;
 *     }
 *
 * Two ways to use it. A hallway_client or a hallway_hub_client needs no loop: its calls block until
 * they are done or their time is up. Everything else belongs to a hallway_loop, which calls
 * functions of the program: a server calls one for each new connection, and a connection calls one
 * when whole messages have arrived. On a loop nothing blocks.
 *
 * Handles. A handle is a pointer to an object of the library. NULL is accepted only where a
 * function says so, and by every _free function. A handle must not be used after it was freed, or
 * after the callback that this header calls the last one. In a build of the library with
 * assertions, NULL and a freed handle end the process with a message that names the function. Not
 * found are a freed error, a freed message of a hub, and an interrupt that is triggered after it
 * was freed.
 *
 * Ownership. Arguments are borrowed for the call, and what the library needs longer it copies.
 * Options are copied by the call they are given to, and can be freed or changed afterwards. A
 * function that adopts a file descriptor owns it from the call on, even if the call fails, unless
 * it says otherwise; a descriptor that is returned to the program belongs to the program, unless it
 * is called borrowed. Every descriptor that the library creates is close-on-exec. Strings that are
 * returned are terminated by a NUL byte and belong to the object that was asked; they are valid
 * until it is changed or freed.
 *
 * Views. A hallway_view refers to bytes of the library's own buffers, without a copy and without a
 * NUL byte at the end. Each function that gives views says how long they are valid.
 *
 * Errors. A function that can fail returns a hallway_outcome, and takes a hallway_error** as its
 * last argument, which may be NULL. With HALLWAY_OK, *error is not changed and the results are set.
 * With any other outcome the results are not changed, unless the function says otherwise, and
 * *error is set to an error that hallway_error_free() frees, so that `if (call(..., &error) !=
 * HALLWAY_OK) return hallway_report(error);` is always right. Only HALLWAY_FAILED allocates an
 * error. For every other outcome it is a constant of the library, which hallway_error_free() leaves
 * alone; a program that treats such an outcome as ordinary need not free it. A function without a
 * hallway_error** cannot fail.
 *
 * Threads. A loop, and everything on it, belongs to the thread that runs it. Only
 * hallway_loop_post(), hallway_interrupt_trigger() and functions that say so may be called from any
 * thread. Clients without a loop and options belong to one thread at a time. Different objects can
 * be used by different threads at once.
 *
 * Processes. After fork(2), only the process that made a loop uses or frees it and what is on it:
 * both share its epoll(7). Descriptors are close-on-exec, so that a child that calls exec(3) has
 * none of them.
 *
 * Callbacks. A callback gets the `user` pointer that was given with it. It runs on the thread of
 * the loop, inside hallway_loop_run() or hallway_loop_turn(), and never inside the call that
 * it is the answer to, unless its description says otherwise. In a callback the program may send,
 * receive, close connections, also the one that called, open and connect, and stop or drain the
 * loop. It must not run, turn or free the loop, nor free a server, a datagram socket, a child or a
 * client that belongs to the loop: hallway_loop_post() that. In a build with assertions this ends
 * the process with a message that names the function. A callback must not let a C++ exception out.
 *
 * Memory. If memory runs out, a call returns HALLWAY_OUT_OF_MEMORY, changes nothing and can be
 * repeated; only descriptors that it adopts are closed. Where no call can return it, the connection
 * that needed memory ends with HALLWAY_FAILED or HALLWAY_OUT_OF_MEMORY, and everything else goes
 * on.
 *
 * Units. Sizes are bytes. Durations are nanoseconds; HALLWAY_FOREVER never ends, and zero or less
 * has passed at once. A truth value is an int: 0 is false.
 *
 * Addresses are text: a path, "@name" for an abstract name, "autobind", "fd:3", "activation:NAME",
 * "exec:PROGRAM ARGS". Framings are text as well: "lines", "null", "len32",
 * "len32be", "len32le", "raw" or "raw:BYTES"; they divide a stream into messages.
 *
 * Versions. The binary interface grows and does not change: a program that was linked with
 * libhallway_c.so.0 runs with every later libhallway_c.so.0. Numbers of enumerations are fixed.
 * Programs ignore a value of an enumeration that they do not know, because later versions may add
 * some. hallway_abi_version() grows with each addition.
 */
#ifndef HALLWAY_H
#define HALLWAY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HALLWAY_API __attribute__((visibility("default")))
#else
#define HALLWAY_API
#endif

/* Values -----------------------------------------------------------------------------------------
 */

/** The addition of the interface that this header describes; see hallway_abi_version(). */
#define HALLWAY_ABI_VERSION 0

#define HALLWAY_FOREVER INT64_MAX
#define HALLWAY_MILLISECOND INT64_C(1000000)
#define HALLWAY_SECOND INT64_C(1000000000)

/** How an operation ended. */
typedef int32_t hallway_outcome;
enum {
  HALLWAY_OK = 0,
  HALLWAY_WOULD_BLOCK = 1,   /**< nothing has arrived yet, or there is no room now */
  HALLWAY_TIMED_OUT = 2,     /**< the time is up; the object is still usable */
  HALLWAY_END_OF_STREAM = 3, /**< the peer sends nothing more; sending to it may still work */
  HALLWAY_PEER_GONE =
      4,              /**< the peer reset the connection, or closed it before it had everything */
  HALLWAY_CLOSED = 5, /**< this side closed it, or its loop drains */
  HALLWAY_TRUNCATED = 6,     /**< a datagram was longer than the limit, and was cut off */
  HALLWAY_NO_RESPONDERS = 7, /**< a request to a hub: no subscription matches its subject */
  HALLWAY_FAILED = 8,        /**< anything else; the error explains it */
  HALLWAY_OUT_OF_MEMORY = 9
};

/** The type of a socket (man 7 unix). */
typedef int32_t hallway_socket_type;
enum { HALLWAY_STREAM = 0, HALLWAY_SEQPACKET = 1, HALLWAY_DATAGRAM = 2 };

/** What happens to a message for which a queue has no room. Each setter lists those it accepts. */
typedef int32_t hallway_overflow;
enum {
  HALLWAY_OVERFLOW_WAIT = 0,        /**< the sender waits until there is room */
  HALLWAY_OVERFLOW_DROP_OLDEST = 1, /**< waiting messages are dropped, oldest first; counted */
  HALLWAY_OVERFLOW_DROP_NEWEST = 2, /**< this message is dropped; counted */
  HALLWAY_OVERFLOW_LATEST_ONLY = 3, /**< of each subject only the latest message waits */
  HALLWAY_OVERFLOW_DISCONNECT = 4,  /**< the receiver is disconnected */
  HALLWAY_OVERFLOW_FAIL = 5         /**< the sender's call fails */
};

/** What is done when a path no longer leads to the socket that was bound to it. */
typedef int32_t hallway_path_lost;
enum {
  HALLWAY_PATH_LOST_IGNORE = 0, /**< the path is not monitored */
  HALLWAY_PATH_LOST_REPORT = 1, /**< the program is notified, also when the path is regained */
  HALLWAY_PATH_LOST_REBIND = 2, /**< as report, and the path is bound again */
  HALLWAY_PATH_LOST_DRAIN = 3   /**< the program is notified, and the socket drains */
};

/** How far a peer's pid can be trusted. */
typedef int32_t hallway_pid_status;
enum {
  HALLWAY_PID_RUNNING = 0,   /**< the process that connected, which still runs */
  HALLWAY_PID_ENDED = 1,     /**< it has ended: another process may have the pid by now */
  HALLWAY_PID_UNVERIFIED = 2 /**< this kernel cannot tell (before 6.5) */
};

/** Borrowed bytes. `data` may be NULL if `size` is 0. */
typedef struct hallway_view {
  const char* data;
  size_t size;
} hallway_view;

/** The ids of a peer, as the kernel recorded them when it connected. */
typedef struct hallway_peer {
  uint32_t uid;
  uint32_t gid;
  int32_t pid; /**< 0: unknown, because the peer lives outside our pid namespace */
} hallway_peer;

/** One field of the header of a hub's message. A name contains no colon and no blank; neither a
 * name nor a value contains a carriage return or line feed. */
typedef struct hallway_field {
  hallway_view name;
  hallway_view value;
} hallway_field;

/** What a connection has transferred so far. Sizes include the framing. */
typedef struct hallway_counters {
  uint64_t messages_received;
  uint64_t messages_sent; /**< accepted for sending, not necessarily sent yet */
  uint64_t bytes_received;
  uint64_t bytes_sent; /**< accepted by the kernel */
  uint64_t dropped;    /**< broadcasts for which there was no room */
} hallway_counters;

/** What a client of a hub has transferred so far. */
typedef struct hallway_hub_counters {
  uint64_t messages_published;
  uint64_t messages_received;
  uint64_t dropped; /**< by HALLWAY_OVERFLOW_DROP_NEWEST */
  uint64_t reconnects;
} hallway_hub_counters;

typedef struct hallway_error hallway_error;
typedef struct hallway_interrupt hallway_interrupt;
typedef struct hallway_loop hallway_loop;
typedef struct hallway_timer hallway_timer;
typedef struct hallway_connection hallway_connection;
typedef struct hallway_server hallway_server;
typedef struct hallway_server_event hallway_server_event;
typedef struct hallway_client hallway_client;
typedef struct hallway_datagram_socket hallway_datagram_socket;
typedef struct hallway_datagram hallway_datagram;
typedef struct hallway_return_address hallway_return_address;
typedef struct hallway_child hallway_child;
typedef struct hallway_hub_client hallway_hub_client;
typedef struct hallway_subscription hallway_subscription;
typedef struct hallway_loop_hub_client hallway_loop_hub_client;
typedef struct hallway_loop_subscription hallway_loop_subscription;
typedef struct hallway_hub_message hallway_hub_message;
typedef struct hallway_hub_event hallway_hub_event;
typedef struct hallway_connection_options hallway_connection_options;
typedef struct hallway_connect_options hallway_connect_options;
typedef struct hallway_server_options hallway_server_options;
typedef struct hallway_datagram_options hallway_datagram_options;
typedef struct hallway_child_options hallway_child_options;
typedef struct hallway_hub_options hallway_hub_options;
typedef struct hallway_subscribe_options hallway_subscribe_options;

/** The number of the latest addition to the interface that this library has; at least
 *  HALLWAY_ABI_VERSION of the header that the program was compiled with. Thread: any. */
HALLWAY_API uint32_t hallway_abi_version(void);

/** The library's version, such as "0.1.0". A constant. Thread: any. */
HALLWAY_API const char* hallway_version(void);

/** An outcome in words: "ok", "would block", "end of stream", ... A constant. Thread: any. */
HALLWAY_API const char* hallway_outcome_text(hallway_outcome outcome);

/** A view of a text that ends at a NUL byte, which does not belong to the view. NULL gives an empty
 *  view. Thread: any. */
HALLWAY_API hallway_view hallway_text(const char* text);

/* Errors -----------------------------------------------------------------------------------------
 */

/** Frees an error. NULL and the library's constants are left alone. Thread: any. */
HALLWAY_API void hallway_error_free(hallway_error* error);

/** A value of errno, for programs: ENOENT, ECONNREFUSED, EINTR (an interrupted call), ... Never 0.
 */
HALLWAY_API int hallway_error_code(const hallway_error* error);
/** What was attempted: "bind", "connect", "receive from". Never NULL. */
HALLWAY_API const char* hallway_error_operation(const hallway_error* error);
/** On what: an address or a subject, with any bytes but NUL, unescaped. May be empty, never NULL.
 */
HALLWAY_API const char* hallway_error_subject(const hallway_error* error);
/** Why, in words. Never NULL. */
HALLWAY_API const char* hallway_error_reason(const hallway_error* error);
/** What to do about it. Empty if there is no useful advice, never NULL. */
HALLWAY_API const char* hallway_error_hint(const hallway_error* error);
/** One sentence for people, safe for a terminal, such as
 *  "connect to unix:/run/app.sock: no server listens there". Never NULL. */
HALLWAY_API const char* hallway_error_explain(const hallway_error* error);

/** Prints the sentence, and its hint on a second line, on stderr, and frees the error. Returns 1,
 * so that `return hallway_report(error);` ends a main(). NULL prints nothing. Thread: any. */
HALLWAY_API int hallway_report(hallway_error* error);

/* Interrupts --------------------------------------------------------------------------------------
 * A switch that ends the blocking calls of the clients it was given to: from another thread, from a
 * signal handler, or by a function that is asked after each signal. An interrupted call ends with
 * HALLWAY_FAILED, and its error has the code EINTR. The client is then as after a timeout: the next
 * call goes on. A call that need not wait is never interrupted. */

/** Asked on the thread that waits, before each sleep and after each signal handler that ran during
 *  one. Returns 0 to end the call, anything else to let it wait for the rest of its time. It must
 * not use the client. */
typedef int (*hallway_signal_callback)(void* user);

/** Makes an interrupt that is not triggered. `on_signal` may be NULL: then signals end no call.
 *  Errors: EMFILE and similar: the kernel refuses the descriptor. Free it after its clients. */
HALLWAY_API hallway_outcome hallway_interrupt_new(hallway_signal_callback on_signal, void* user,
                                                  hallway_interrupt** interrupt,
                                                  hallway_error** error);
HALLWAY_API void hallway_interrupt_free(hallway_interrupt* interrupt);
/** Ends the calls that wait, and those that begin to wait until hallway_interrupt_clear().
 *  Thread: any, and in signal handlers. */
HALLWAY_API void hallway_interrupt_trigger(hallway_interrupt* interrupt);
/** Undoes hallway_interrupt_trigger(). No call may be waiting with this interrupt. Thread: any. */
HALLWAY_API void hallway_interrupt_clear(hallway_interrupt* interrupt);
/** Whether it is triggered. Thread: any. */
HALLWAY_API int hallway_interrupt_triggered(const hallway_interrupt* interrupt);

/* Options
 * ------------------------------------------------------------------------------------------ Each
 * _new function returns NULL only if memory has run out. Each call that takes options accepts NULL
 * for the defaults. The setters that can fail do so with EINVAL, or if memory has run out. */

/** Framing, limits and policies of a connection. */
HALLWAY_API hallway_connection_options* hallway_connection_options_new(void);
HALLWAY_API void hallway_connection_options_free(hallway_connection_options* options);
/** Streams only; default "lines". */
HALLWAY_API hallway_outcome hallway_connection_options_set_framing(
    hallway_connection_options* options, const char* framing, hallway_error** error);
/** Descriptors accepted with a message. Default 0: the kernel refuses them if it can. */
HALLWAY_API void hallway_connection_options_set_descriptors(hallway_connection_options* options,
                                                            size_t count);
/** Largest message in either direction, without its framing; default 1 MiB. */
HALLWAY_API void hallway_connection_options_set_max_message(hallway_connection_options* options,
                                                            size_t bytes);
/** Time from the first byte of a message to its last; 0: no limit; default 10 s. */
HALLWAY_API void hallway_connection_options_set_message_time(hallway_connection_options* options,
                                                             int64_t duration);
/** Time from the start of the connection to its first whole message; default 0: no limit. */
HALLWAY_API void hallway_connection_options_set_handshake_time(hallway_connection_options* options,
                                                               int64_t duration);
/** Time without a byte in either direction; default 0: no limit. */
HALLWAY_API void hallway_connection_options_set_idle_time(hallway_connection_options* options,
                                                          int64_t duration);
/** Unsent bytes from which on a send gives HALLWAY_WOULD_BLOCK; default 1 MiB. */
HALLWAY_API void hallway_connection_options_set_outbound_soft(hallway_connection_options* options,
                                                              size_t bytes);
/** How long that may last before the peer is disconnected, and how long a closed connection may
 * take to write the rest; 0: no limit; default 10 s. */
HALLWAY_API void hallway_connection_options_set_outbound_soft_time(
    hallway_connection_options* options, int64_t duration);
/** Unsent bytes that a broadcast under HALLWAY_OVERFLOW_DISCONNECT may not exceed; default 8 MiB.
 */
HALLWAY_API void hallway_connection_options_set_outbound_hard(hallway_connection_options* options,
                                                              size_t bytes);
/** SO_SNDBUF of a stream once its send buffer was full; 0 leaves it as it is; default 1 MiB. */
HALLWAY_API void hallway_connection_options_set_send_buffer(hallway_connection_options* options,
                                                            size_t bytes);
/** What a broadcast does with this connection if its queue is full: wait, drop_oldest, drop_newest
 * or disconnect, which is the default. */
HALLWAY_API hallway_outcome hallway_connection_options_set_overflow(
    hallway_connection_options* options, hallway_overflow overflow, hallway_error** error);

/** How to connect: hallway_client_connect() and hallway_connect(). */
HALLWAY_API hallway_connect_options* hallway_connect_options_new(void);
HALLWAY_API void hallway_connect_options_free(hallway_connect_options* options);
/** Copies the options of the connection. */
HALLWAY_API void hallway_connect_options_set_connection(
    hallway_connect_options* options, const hallway_connection_options* connection);
/** Of each attempt; default 5 s. */
HALLWAY_API void hallway_connect_options_set_timeout(hallway_connect_options* options,
                                                     int64_t duration);
/** How long to try again while no server listens; default 0: fails at once. */
HALLWAY_API void hallway_connect_options_set_retry_for(hallway_connect_options* options,
                                                       int64_t duration);
/** HALLWAY_STREAM, the default, or HALLWAY_SEQPACKET. */
HALLWAY_API hallway_outcome hallway_connect_options_set_type(hallway_connect_options* options,
                                                             hallway_socket_type type,
                                                             hallway_error** error);
/** Refuses a server of another user, with EPERM, before any byte is sent. Default: any user. */
HALLWAY_API void hallway_connect_options_set_server_uid(hallway_connect_options* options,
                                                        uint32_t uid);

/** A new server: hallway_server_open(). */
HALLWAY_API hallway_server_options* hallway_server_options_new(void);
HALLWAY_API void hallway_server_options_free(hallway_server_options* options);
/** Copies the options of each of its connections. */
HALLWAY_API void hallway_server_options_set_connection(
    hallway_server_options* options, const hallway_connection_options* connection);
/** HALLWAY_STREAM, the default, or HALLWAY_SEQPACKET. */
HALLWAY_API hallway_outcome hallway_server_options_set_type(hallway_server_options* options,
                                                            hallway_socket_type type,
                                                            hallway_error** error);
/** Permissions of the socket file, such as 0660; default 0600. */
HALLWAY_API void hallway_server_options_set_mode(hallway_server_options* options, unsigned mode);
/** Owner and group of the socket file, by name or number; default: ours. */
HALLWAY_API hallway_outcome hallway_server_options_set_owner(hallway_server_options* options,
                                                             const char* user,
                                                             hallway_error** error);
HALLWAY_API hallway_outcome hallway_server_options_set_group(hallway_server_options* options,
                                                             const char* group,
                                                             hallway_error** error);
/** Adds a rule about which peers may connect: "uid:1000", "uid:alice", "gid:44", "group:video",
 *  "same-uid", "root" or "any". Any matching rule admits. Without rules, the permissions of the
 * file decide; an abstract name then admits our own uid and root. */
HALLWAY_API hallway_outcome hallway_server_options_add_allow(hallway_server_options* options,
                                                             const char* rule,
                                                             hallway_error** error);
/** Connections at once, of all users; above it, clients wait in the kernel's queue; default 1024.
 */
HALLWAY_API void hallway_server_options_set_max_connections(hallway_server_options* options,
                                                            size_t count);
/** Connections at once of each user; above it, clients are refused; default 256. */
HALLWAY_API void hallway_server_options_set_max_connections_per_uid(hallway_server_options* options,
                                                                    size_t count);
/** Bytes that peers make the server hold: of all users (default 128 MiB) and of each (64 MiB). */
HALLWAY_API void hallway_server_options_set_max_memory(hallway_server_options* options,
                                                       size_t bytes, size_t bytes_per_uid);
/** Sent as it stands to a client that is refused because its user has its share. Default: nothing.
 */
HALLWAY_API hallway_outcome hallway_server_options_set_refusal_text(hallway_server_options* options,
                                                                    const void* data, size_t size,
                                                                    hallway_error** error);
/** Default HALLWAY_PATH_LOST_REPORT. */
HALLWAY_API hallway_outcome hallway_server_options_set_path_lost(hallway_server_options* options,
                                                                 hallway_path_lost policy,
                                                                 hallway_error** error);
/** Whether to take over from a server that runs at the path and was opened with this option as
 * well, and to offer the same to a successor: see docs/TAKEOVER.md. Default 0. */
HALLWAY_API void hallway_server_options_set_takeover(hallway_server_options* options, int takeover);
/** Length of the kernel's queue of clients that are not accepted yet; default 4096. */
HALLWAY_API void hallway_server_options_set_backlog(hallway_server_options* options, int backlog);
/** Called for each event that the program may want to log. The event is valid during the call. */
typedef void (*hallway_server_event_callback)(const hallway_server_event* event, void* user);
HALLWAY_API void hallway_server_options_on_event(hallway_server_options* options,
                                                 hallway_server_event_callback on_event,
                                                 void* user);

/** A datagram socket. */
HALLWAY_API hallway_datagram_options* hallway_datagram_options_new(void);
HALLWAY_API void hallway_datagram_options_free(hallway_datagram_options* options);
/** Permissions of the socket file that is bound; default 0600. */
HALLWAY_API void hallway_datagram_options_set_mode(hallway_datagram_options* options,
                                                   unsigned mode);
/** Owner and group of the socket file, by name or number; default: ours. */
HALLWAY_API hallway_outcome hallway_datagram_options_set_owner(hallway_datagram_options* options,
                                                               const char* user,
                                                               hallway_error** error);
HALLWAY_API hallway_outcome hallway_datagram_options_set_group(hallway_datagram_options* options,
                                                               const char* group,
                                                               hallway_error** error);
/** Descriptors accepted with a datagram; default 0. */
HALLWAY_API void hallway_datagram_options_set_descriptors(hallway_datagram_options* options,
                                                          size_t count);
/** A longer datagram is cut off; default 1 MiB. */
HALLWAY_API void hallway_datagram_options_set_max_message(hallway_datagram_options* options,
                                                          size_t bytes);
/** hallway_datagram_socket_connect() only: refuses a socket file of another user, with EPERM. */
HALLWAY_API void hallway_datagram_options_set_server_uid(hallway_datagram_options* options,
                                                         uint32_t uid);
/** Default HALLWAY_PATH_LOST_REPORT. */
HALLWAY_API hallway_outcome hallway_datagram_options_set_path_lost(
    hallway_datagram_options* options, hallway_path_lost policy, hallway_error** error);
/** Called when the path of the socket is lost (`lost` is 1), with the reason, and when it is
 * regained
 *  (`lost` is 0). The strings are valid during the call. */
typedef void (*hallway_path_callback)(int lost, const char* address, const char* reason,
                                      void* user);
HALLWAY_API void hallway_datagram_options_on_path(hallway_datagram_options* options,
                                                  hallway_path_callback on_path, void* user);

/** A child process. */
HALLWAY_API hallway_child_options* hallway_child_options_new(void);
HALLWAY_API void hallway_child_options_free(hallway_child_options* options);
/** Copies the options of its connection. */
HALLWAY_API void hallway_child_options_set_connection(hallway_child_options* options,
                                                      const hallway_connection_options* connection);
/** HALLWAY_STREAM, the default, or HALLWAY_SEQPACKET. */
HALLWAY_API hallway_outcome hallway_child_options_set_type(hallway_child_options* options,
                                                           hallway_socket_type type,
                                                           hallway_error** error);
/** Starts it with these borrowed descriptors as its standard input, output and error. Such a child
 *  has no connection. They stay open until the child is started. */
HALLWAY_API void hallway_child_options_set_standard(hallway_child_options* options, int input,
                                                    int output, int error_output);
/** Adds NAME=VALUE to its environment; replaces an inherited value. */
HALLWAY_API hallway_outcome hallway_child_options_add_environment(hallway_child_options* options,
                                                                  const char* entry,
                                                                  hallway_error** error);
/** Whether it gets a process group of its own: Ctrl-C of the terminal then does not reach it, and
 *  hallway_child_kill() reaches the processes it started. Default 0. */
HALLWAY_API void hallway_child_options_set_own_group(hallway_child_options* options, int own);

/** A client of a hub, with or without a loop. */
HALLWAY_API hallway_hub_options* hallway_hub_options_new(void);
HALLWAY_API void hallway_hub_options_free(hallway_hub_options* options);
/** Sent to the hub, for its logs and statistics; default: none. */
HALLWAY_API hallway_outcome hallway_hub_options_set_name(hallway_hub_options* options,
                                                         const char* name, hallway_error** error);
/** Refuses a hub of another user, with EPERM, before any byte is sent. Default: any user. */
HALLWAY_API void hallway_hub_options_set_server_uid(hallway_hub_options* options, uint32_t uid);
/** Of each attempt to connect; default 5 s. */
HALLWAY_API void hallway_hub_options_set_timeout(hallway_hub_options* options, int64_t duration);
/** How long to try again at first while no hub listens; default 0: fails at once. */
HALLWAY_API void hallway_hub_options_set_retry_for(hallway_hub_options* options, int64_t duration);
/** How to reconnect: the bound of the first random wait (default 50 ms), which doubles up to the
 *  largest (2 s), and the attempts in a row (default SIZE_MAX: any number; 0: it does not
 * reconnect). */
HALLWAY_API void hallway_hub_options_set_reconnect(hallway_hub_options* options, int64_t first_wait,
                                                   int64_t max_wait, size_t max_attempts);
/** Bytes that may wait to be sent to the hub; default 1 MiB. */
HALLWAY_API void hallway_hub_options_set_outbound(hallway_hub_options* options, size_t bytes);
/** Largest message accepted from the hub, with its header; default 8 MiB. */
HALLWAY_API void hallway_hub_options_set_max_message(hallway_hub_options* options, size_t bytes);
/** What publishing on a loop does if there is no room: wait (the default: HALLWAY_WOULD_BLOCK, and
 *  then on_writable), drop_newest, or fail (HALLWAY_WOULD_BLOCK). Without a loop it always waits.
 */
HALLWAY_API hallway_outcome hallway_hub_options_set_overflow(hallway_hub_options* options,
                                                             hallway_overflow overflow,
                                                             hallway_error** error);
/** What the hub is asked to do with messages that this client does not read in time: wait,
 *  drop_oldest, drop_newest, latest_only or disconnect. Default: the hub decides. */
HALLWAY_API hallway_outcome hallway_hub_options_set_delivery_overflow(hallway_hub_options* options,
                                                                      hallway_overflow overflow,
                                                                      hallway_error** error);
/** Whether its subscriptions receive what this client publishes; default 1. */
HALLWAY_API void hallway_hub_options_set_echo(hallway_hub_options* options, int echo);
/** Called for each event; without a loop, inside a call of the client. The event is valid during
 * the call. It must not call the client or a subscription. */
typedef void (*hallway_hub_event_callback)(const hallway_hub_event* event, void* user);
HALLWAY_API void hallway_hub_options_on_event(hallway_hub_options* options,
                                              hallway_hub_event_callback on_event, void* user);

/** A subscription to a hub. */
HALLWAY_API hallway_subscribe_options* hallway_subscribe_options_new(void);
HALLWAY_API void hallway_subscribe_options_free(hallway_subscribe_options* options);
/** The queue group: each message goes to one subscription of the group. Default: none. */
HALLWAY_API hallway_outcome hallway_subscribe_options_set_queue(hallway_subscribe_options* options,
                                                                const char* queue,
                                                                hallway_error** error);
/** It ends after this many messages; default 0: never. */
HALLWAY_API void hallway_subscribe_options_set_max(hallway_subscribe_options* options,
                                                   uint32_t messages);
/** Bytes of messages that may wait to be received; default 8 MiB. */
HALLWAY_API void hallway_subscribe_options_set_inbox(hallway_subscribe_options* options,
                                                     size_t bytes);
/** What happens if they are full: wait, drop_oldest, drop_newest (the default) or disconnect. */
HALLWAY_API hallway_outcome hallway_subscribe_options_set_overflow(
    hallway_subscribe_options* options, hallway_overflow overflow, hallway_error** error);

/* Clients without a loop
 * --------------------------------------------------------------------------- A connection whose
 * calls block: until they are done, for `within` at most, or until `interrupt` ends them. A call
 * that has timed out or was interrupted may be repeated: what has arrived of a message stays, and
 * what was not written of one stays queued. */

/** Connects. `options` and `interrupt` may be NULL; the interrupt is borrowed until the client is
 *  freed. Errors: ENOENT, ECONNREFUSED: no server listens there; EACCES; ETIMEDOUT; EPROTOTYPE: the
 *  server's socket has another type; EPERM: it belongs to another user; EINTR. */
HALLWAY_API hallway_outcome hallway_client_connect(const char* address,
                                                   const hallway_connect_options* options,
                                                   hallway_interrupt* interrupt,
                                                   hallway_client** client, hallway_error** error);
/** Adopts a connected stream or seqpacket socket. Errors: ENOTSOCK, ENOTCONN, EPROTOTYPE. */
HALLWAY_API hallway_outcome hallway_client_adopt(int descriptor,
                                                 const hallway_connection_options* options,
                                                 hallway_interrupt* interrupt,
                                                 hallway_client** client, hallway_error** error);
/** Closes the connection and frees the client. Never blocks. */
HALLWAY_API void hallway_client_free(hallway_client* client);

/** Sends one message. HALLWAY_OK: the kernel has it; the peer need not have read it.
 *  Outcomes: timed_out, peer_gone, closed, failed (EMSGSIZE: the message is over max_message). */
HALLWAY_API hallway_outcome hallway_client_send(hallway_client* client, const void* data,
                                                size_t size, int64_t within, hallway_error** error);
/** Sends several messages in order; `within` is for all of them. `*sent`, which may be NULL, is how
 *  many were sent, whatever the outcome; it is `count` only with HALLWAY_OK. */
HALLWAY_API hallway_outcome hallway_client_send_many(hallway_client* client,
                                                     const hallway_view* messages, size_t count,
                                                     int64_t within, size_t* sent,
                                                     hallway_error** error);
/** Sends one message with descriptors, which are adopted. On a stream its frame needs at least one
 *  byte. At most 253. */
HALLWAY_API hallway_outcome hallway_client_send_descriptors(hallway_client* client,
                                                            const void* data, size_t size,
                                                            const int* descriptors, size_t count,
                                                            int64_t within, hallway_error** error);
/** Waits until the peer has read everything that was sent. Outcomes: timed_out, peer_gone: it
 * closed before it had read everything; closed, failed. */
HALLWAY_API hallway_outcome hallway_client_confirm(hallway_client* client, int64_t within,
                                                   hallway_error** error);
/** Waits for a message, and gives all that have arrived with it: at least 1, at most `room`, which
 * is at least 1. The views are valid until the next receive, request or _free of this client.
 *  Outcomes: timed_out, end_of_stream, peer_gone, closed, failed (a message is over max_message).
 */
HALLWAY_API hallway_outcome hallway_client_receive(hallway_client* client, hallway_view* messages,
                                                   size_t room, size_t* count, int64_t within,
                                                   hallway_error** error);
/** Sends one message and waits for one. The view is valid as for hallway_client_receive(). */
HALLWAY_API hallway_outcome hallway_client_request(hallway_client* client, const void* data,
                                                   size_t size, int64_t within,
                                                   hallway_view* answer, hallway_error** error);
/** Moves descriptors of the last message that was received to the program, which then owns them: at
 *  most `room`. Returns how many; 0 when none is left. The next receive closes the others. */
HALLWAY_API size_t hallway_client_take_descriptors(hallway_client* client, int* descriptors,
                                                   size_t room);
/** Whether descriptors of the last message are missing: more came than the options accept, or this
 *  process has too many open. Then it has none. */
HALLWAY_API int hallway_client_descriptors_lost(const hallway_client* client);
/** The peer reads an end of stream; receiving goes on. */
HALLWAY_API void hallway_client_half_close(hallway_client* client);
/** Closes; later calls end with HALLWAY_CLOSED. */
HALLWAY_API void hallway_client_close(hallway_client* client);
HALLWAY_API hallway_peer hallway_client_peer(const hallway_client* client);
/** The address of the server, such as "unix:/run/app.sock". */
HALLWAY_API const char* hallway_client_address(hallway_client* client);
HALLWAY_API hallway_socket_type hallway_client_type(const hallway_client* client);
HALLWAY_API hallway_counters hallway_client_counters(const hallway_client* client);
/** Borrowed. */
HALLWAY_API int hallway_client_descriptor(const hallway_client* client);
/** Sets the framing of both directions from the next message on. Errors: EINVAL. */
HALLWAY_API hallway_outcome hallway_client_set_framing(hallway_client* client, const char* receive,
                                                       const char* send, hallway_error** error);
/** How long receiving busy-polls before it sleeps; negative: the library decides, as by default. */
HALLWAY_API void hallway_client_set_spin(hallway_client* client, int64_t duration);

/* Loops
 * -------------------------------------------------------------------------------------------- A
 * loop waits for the descriptors of one thread, and calls what is to be called. At the end of each
 * turn it writes what was sent meanwhile, with one system call for each connection. */

/** Makes a loop. `spin`: how long to busy-poll before it sleeps, which shortens answers at the
 * price of CPU time; negative: the library decides. Errors: EMFILE and similar. */
HALLWAY_API hallway_outcome hallway_loop_new(int64_t spin, hallway_loop** loop,
                                             hallway_error** error);
/** Frees a loop. Free its servers, datagram sockets, children and hub clients before. Connections
 * that are still open get their on_closed, timers and other callbacks that are called once get
 *  HALLWAY_CLOSED, both inside this call. What these callbacks try to begin on the loop (a timer, a
 * connection, a drain) gives HALLWAY_CLOSED. Not from a callback. */
HALLWAY_API void hallway_loop_free(hallway_loop* loop);
/** Turns until nothing is left to do or hallway_loop_stop() is called. `*status`, which may be
 * NULL, is 0 after everything ended or a clean drain, the status given to hallway_loop_stop(), or 1
 * if the drain's time ran out. Can be called again. Outcomes: failed: the loop cannot work;
 * out_of_memory. Blocking: until then. */
HALLWAY_API hallway_outcome hallway_loop_run(hallway_loop* loop, int* status,
                                             hallway_error** error);
/** One pass, for programs with a loop of their own: call it when hallway_loop_descriptor() is
 * readable, and after sending. `*busy`, which may be NULL, is whether there is still something to
 * do later. Blocking: for `timeout` at most; 0: never. */
HALLWAY_API hallway_outcome hallway_loop_turn(hallway_loop* loop, int64_t timeout, int* busy,
                                              hallway_error** error);
/** Readable when hallway_loop_turn() has something to do, timers included; for poll(2), epoll or
 *  another loop, level-triggered. Borrowed; it stays the same. */
HALLWAY_API int hallway_loop_descriptor(hallway_loop* loop);
/** Makes hallway_loop_run() return `status` after this turn. */
HALLWAY_API void hallway_loop_stop(hallway_loop* loop, int status);
/** Asks everything on the loop to finish, for `within` at most: servers refuse new clients, process
 *  what has arrived, and close; connections outside of a server end with HALLWAY_CLOSED. It waits
 * for the program where the program has something to do: take messages that have arrived (also
 * while it pauses the connection), or close a connection after its on_end. */
HALLWAY_API hallway_outcome hallway_loop_drain(hallway_loop* loop, int64_t within,
                                               hallway_error** error);
HALLWAY_API int hallway_loop_draining(const hallway_loop* loop);
/** Drains, for 10 s, when one of the signals arrives; a second one stops the loop with status 128 +
 * its number. The signals' dispositions are replaced until the loop is freed. Errors: EINVAL: it
 * cannot be caught; EBUSY: another loop handles it. After an error some of the signals may be
 * claimed. */
HALLWAY_API hallway_outcome hallway_loop_drain_on(hallway_loop* loop, const int* signals,
                                                  size_t count, hallway_error** error);

typedef void (*hallway_callback)(void* user);
/** Calls `callback` in the loop's next turn. If the loop is freed before, it is not called.
 *  Outcomes: out_of_memory. Thread: any, while the loop exists. */
HALLWAY_API hallway_outcome hallway_loop_post(hallway_loop* loop, hallway_callback callback,
                                              void* user, hallway_error** error);
/** Calls `callback` whenever `signal` arrives, until the loop is freed. A second call for a signal
 *  replaces the first. Errors: as hallway_loop_drain_on(). */
HALLWAY_API hallway_outcome hallway_loop_on_signal(hallway_loop* loop, int signal,
                                                   hallway_callback callback, void* user,
                                                   hallway_error** error);
/** Calls `callback` once, when draining begins. If it has begun, it is called at once. */
HALLWAY_API hallway_outcome hallway_loop_on_drain(hallway_loop* loop, hallway_callback callback,
                                                  void* user, hallway_error** error);

/** HALLWAY_OK: the time is over. HALLWAY_CLOSED: the loop drains, or was freed. */
typedef void (*hallway_timer_callback)(hallway_outcome outcome, void* user);
/** Calls `callback` once, after `delay`, or at once if the loop begins to drain. A timer that
 * starts while the loop drains lasts its time and gives HALLWAY_CLOSED. `*timer`, which may be
 * NULL, can be cancelled until the callback is called; in it, it is invalid. A timer keeps
 * hallway_loop_run() going. */
HALLWAY_API hallway_outcome hallway_loop_after(hallway_loop* loop, int64_t delay,
                                               hallway_timer_callback callback, void* user,
                                               hallway_timer** timer, hallway_error** error);
/** Cancels and frees a timer: its callback is not called. NULL is accepted. */
HALLWAY_API void hallway_timer_cancel(hallway_timer* timer);

/* Connections on a loop
 * ------------------------------------------------------------------------------ A connection comes
 * from a server, hallway_connect(), hallway_adopt(), hallway_connection_pair() or a child. The
 * library owns it. It calls:
 *
 *   on_readable   whole messages are there: take them with hallway_receive()
 *   on_writable   a send gave HALLWAY_WOULD_BLOCK, and now everything that was queued is written
 *   on_end        the peer sends nothing more. Without this callback the connection closes then,
 * after it has written what is queued; with it, the connection stays open for sending until
 * hallway_connection_close() on_closed     the last call: the connection has ended, and the handle
 * is invalid afterwards. It is called exactly once for each connection, and never inside a function
 * of that connection, but possibly inside hallway_server_free() and hallway_loop_free()
 *
 * A connection begins to receive only after the callback in which it was made, or in the next turn,
 * so that the program can set the callbacks before. Without an on_readable, messages are not taken,
 * and on a full queue the peer waits.
 *
 * on_readable is called again as long as it takes messages and leaves others. If it takes none, the
 * connection pauses: nothing more is read, so that the peer has to wait, until
 * hallway_connection_resume(). hallway_connection_pause() does the same explicitly. A connection
 * that pauses does not notice that the peer has ended it, unless it sends. */

typedef void (*hallway_connection_callback)(hallway_connection* connection, void* user);
/** `outcome` is how it ended: HALLWAY_END_OF_STREAM, HALLWAY_PEER_GONE, HALLWAY_CLOSED (by this
 * program, or the loop drains), HALLWAY_FAILED, HALLWAY_OUT_OF_MEMORY. The error is borrowed for
 * the call. With HALLWAY_END_OF_STREAM it can still be sent to in this callback. */
typedef void (*hallway_closed_callback)(hallway_connection* connection, hallway_outcome outcome,
                                        const hallway_error* error, void* user);
/** The result of an operation that takes a while; called exactly once. If the connection ends
 * before, the outcome is HALLWAY_CLOSED. The error is borrowed for the call, and NULL with
 * HALLWAY_OK. */
typedef void (*hallway_done_callback)(hallway_connection* connection, hallway_outcome outcome,
                                      const hallway_error* error, void* user);

/** Set what is called. NULL: nothing. */
HALLWAY_API void hallway_connection_on_readable(hallway_connection* connection,
                                                hallway_connection_callback on_readable);
HALLWAY_API void hallway_connection_on_writable(hallway_connection* connection,
                                                hallway_connection_callback on_writable);
HALLWAY_API void hallway_connection_on_end(hallway_connection* connection,
                                           hallway_connection_callback on_end);
HALLWAY_API void hallway_connection_on_closed(hallway_connection* connection,
                                              hallway_closed_callback on_closed);
/** The pointer that these callbacks get. At first that of the call that made the connection. */
HALLWAY_API void hallway_connection_set_user(hallway_connection* connection, void* user);
HALLWAY_API void* hallway_connection_user(const hallway_connection* connection);

/** Takes messages that have arrived: at least 1, at most `room`, which is at least 1. The views are
 *  valid until the next hallway_receive() of this connection, or until the callback in which it was
 *  called returns; outside of a callback, until the next turn of the loop. A message with
 * descriptors comes alone, and so does a packet. Outcomes: would_block: on_readable will be called
 * when there are more. Never blocks. */
HALLWAY_API hallway_outcome hallway_receive(hallway_connection* connection, hallway_view* messages,
                                            size_t room, size_t* count, hallway_error** error);
/** Moves descriptors of the last message that was received to the program, which then owns them: at
 *  most `room`. Returns how many; 0 when none is left. Those that are left are closed when the
 * views become invalid. */
HALLWAY_API size_t hallway_connection_take_descriptors(hallway_connection* connection,
                                                       int* descriptors, size_t room);
/** Whether descriptors of the last message are missing: see hallway_client_descriptors_lost(). */
HALLWAY_API int hallway_connection_descriptors_lost(const hallway_connection* connection);

/** Queues one message; the loop writes it at the end of its turn. The bytes are copied.
 *  Outcomes: would_block: the queue is over its soft limit, nothing was sent, on_writable will be
 *  called; peer_gone, closed, failed (EMSGSIZE: the message is over max_message). Never blocks. */
HALLWAY_API hallway_outcome hallway_send(hallway_connection* connection, const void* data,
                                         size_t size, hallway_error** error);
/** Queues several messages in order, until the first that cannot be queued. `*sent`, which may be
 * NULL, is how many were queued, whatever the outcome; it is `count` only with HALLWAY_OK. */
HALLWAY_API hallway_outcome hallway_send_many(hallway_connection* connection,
                                              const hallway_view* messages, size_t count,
                                              size_t* sent, hallway_error** error);
/** As hallway_send(), with descriptors, which are adopted unless the outcome is
 * HALLWAY_WOULD_BLOCK. At most 253. On a stream its frame needs at least one byte. */
HALLWAY_API hallway_outcome hallway_send_descriptors(hallway_connection* connection,
                                                     const void* data, size_t size,
                                                     const int* descriptors, size_t count,
                                                     hallway_error** error);
/** Sends to every other connection of the same server; without a server it does nothing. Each
 *  connection's policy decides what happens if its queue is full (overflow).
 *  Outcomes: would_block: an earlier broadcast of this connection still waits under
 *  HALLWAY_OVERFLOW_WAIT; nothing was sent, and on_writable will be called. */
HALLWAY_API hallway_outcome hallway_broadcast(hallway_connection* connection, const void* data,
                                              size_t size, hallway_error** error);
/** Calls `on_done` when the kernel has accepted everything that was queued. */
HALLWAY_API hallway_outcome hallway_connection_flush(hallway_connection* connection,
                                                     hallway_done_callback on_done, void* user,
                                                     hallway_error** error);
/** Calls `on_done` when the peer has read everything that was sent. Outcomes there: timed_out,
 *  peer_gone: it closed before it had read everything; closed, failed. */
HALLWAY_API hallway_outcome hallway_connection_confirm(hallway_connection* connection,
                                                       int64_t within,
                                                       hallway_done_callback on_done, void* user,
                                                       hallway_error** error);

/** on_readable is not called, and nothing more is read, until hallway_connection_resume(). */
HALLWAY_API void hallway_connection_pause(hallway_connection* connection);
HALLWAY_API void hallway_connection_resume(hallway_connection* connection);
/** Writes what is queued, then lets the peer read an end of stream; receiving goes on. */
HALLWAY_API void hallway_connection_half_close(hallway_connection* connection);
/** Writes what is queued, then closes. on_closed is called in a later turn, or after the callback
 * of this connection that closes it. */
HALLWAY_API void hallway_connection_close(hallway_connection* connection);
/** As hallway_connection_close(), but closes now and drops unsent messages. */
HALLWAY_API void hallway_connection_abort(hallway_connection* connection);

HALLWAY_API hallway_peer hallway_connection_peer(const hallway_connection* connection);
/** The address of the server's end, such as "unix:/run/app.sock". */
HALLWAY_API const char* hallway_connection_address(hallway_connection* connection);
HALLWAY_API hallway_socket_type hallway_connection_type(const hallway_connection* connection);
/** 1, 2, ... in its server; 0: no server. */
HALLWAY_API uint64_t hallway_connection_number(const hallway_connection* connection);
HALLWAY_API hallway_counters hallway_connection_counters(const hallway_connection* connection);
HALLWAY_API size_t hallway_connection_unsent_bytes(const hallway_connection* connection);
/** Borrowed; -1 after it was closed. For hallway_peer_groups() and the like. */
HALLWAY_API int hallway_connection_descriptor(const hallway_connection* connection);
HALLWAY_API hallway_loop* hallway_connection_loop(const hallway_connection* connection);
/** Sets the framing of both directions from the next message on. Errors: EINVAL. */
HALLWAY_API hallway_outcome hallway_connection_set_framing(hallway_connection* connection,
                                                           const char* receive, const char* send,
                                                           hallway_error** error);

/** The result of hallway_connect(): HALLWAY_OK and a connection, or NULL and why not. */
typedef void (*hallway_connected_callback)(hallway_connection* connection, hallway_outcome outcome,
                                           const hallway_error* error, void* user);
/** Connects, and calls `on_connected` exactly once, in a later turn or inside hallway_loop_free(),
 * with the errors of hallway_client_connect(), and ECANCELED: the loop drains. `options` may be
 * NULL. Only HALLWAY_OUT_OF_MEMORY can be its own outcome. */
HALLWAY_API hallway_outcome hallway_connect(hallway_loop* loop, const char* address,
                                            const hallway_connect_options* options,
                                            hallway_connected_callback on_connected, void* user,
                                            hallway_error** error);
/** Adopts a connected stream or seqpacket socket. Errors: ENOTSOCK, ENOTCONN, EPROTOTYPE. */
HALLWAY_API hallway_outcome hallway_adopt(hallway_loop* loop, int descriptor,
                                          const hallway_connection_options* options, void* user,
                                          hallway_connection** connection, hallway_error** error);
/** Two connections of this process, connected to each other. */
HALLWAY_API hallway_outcome hallway_connection_pair(hallway_loop* loop, hallway_socket_type type,
                                                    const hallway_connection_options* options,
                                                    void* user, hallway_connection** first,
                                                    hallway_connection** second,
                                                    hallway_error** error);
/** Two connected sockets, socketpair(2), which the program owns. Both are blocking. */
HALLWAY_API hallway_outcome hallway_socket_pair(hallway_socket_type type, int* first, int* second,
                                                hallway_error** error);

/* Servers
 * ------------------------------------------------------------------------------------------- */

/** What happened to a server. */
typedef int32_t hallway_server_event_kind;
enum {
  HALLWAY_EVENT_CONNECTED = 0,
  HALLWAY_EVENT_TURNED_AWAY = 1,      /**< by a rule or a limit; the reason says which */
  HALLWAY_EVENT_CLOSED = 2,           /**< the reason says how it ended */
  HALLWAY_EVENT_ACCEPTING_PAUSED = 3, /**< at max_connections or out of descriptors */
  HALLWAY_EVENT_ACCEPTING_RESUMED = 4,
  HALLWAY_EVENT_HANDLER_THREW = 5, /**< a connection was closed because memory ran out */
  HALLWAY_EVENT_PATH_LOST = 6,
  HALLWAY_EVENT_PATH_REGAINED = 7,
  HALLWAY_EVENT_TAKEN_OVER = 8 /**< a successor has the address; the server drains */
};
HALLWAY_API hallway_server_event_kind
hallway_server_event_kind_of(const hallway_server_event* event);
/** The number of the connection; 0: the event is not about one. */
HALLWAY_API uint64_t hallway_server_event_connection(const hallway_server_event* event);
HALLWAY_API hallway_peer hallway_server_event_peer(const hallway_server_event* event);
/** May be empty, never NULL. */
HALLWAY_API const char* hallway_server_event_reason(const hallway_server_event* event);
HALLWAY_API hallway_counters hallway_server_event_counters(const hallway_server_event* event);
/** One printable line, for logs. Never NULL. */
HALLWAY_API const char* hallway_server_event_text(const hallway_server_event* event);

/** Binds `address`, listens, and calls `on_connection` for each client, with `user`, which is also
 * the first `user` of the connection. A socket file that no process has open is replaced, and a
 * live server's never is. Connections are closed when the server is freed. Errors: EADDRINUSE: a
 * live server has the name; EEXIST: the file there is not a socket of ours; ENOENT, EACCES, EINVAL;
 * for a takeover also ETIMEDOUT, ECANCELED, EPERM, ESTALE. Blocking: for a takeover and for names
 * of users only. */
HALLWAY_API hallway_outcome hallway_server_open(hallway_loop* loop, const char* address,
                                                const hallway_server_options* options,
                                                hallway_connection_callback on_connection,
                                                void* user, hallway_server** server,
                                                hallway_error** error);
/** Stops at once: connections get their on_closed inside this call, and the name is removed. For
 * these callbacks the server has no connections, and what it is asked to do gives HALLWAY_CLOSED.
 * Not from a callback of its loop. */
HALLWAY_API void hallway_server_free(hallway_server* server);
/** Sends to every connection: see hallway_broadcast(). Outcomes: would_block: an earlier broadcast
 * of this kind still waits; nothing was sent, and on_writable will be called. */
HALLWAY_API hallway_outcome hallway_server_broadcast(hallway_server* server, const void* data,
                                                     size_t size, hallway_error** error);
/** Called when the broadcast that another one had to wait for has been delivered. */
typedef void (*hallway_server_callback)(hallway_server* server, void* user);
HALLWAY_API void hallway_server_on_writable(hallway_server* server,
                                            hallway_server_callback on_writable, void* user);
/** Replaces the rules: see hallway_server_options_add_allow(). Connections stay. Errors: EINVAL:
 * the old rules stay in force. Blocking: look-ups of names. */
HALLWAY_API hallway_outcome hallway_server_set_allow(hallway_server* server,
                                                     const char* const* rules, size_t count,
                                                     hallway_error** error);
/** Does for this server what hallway_loop_drain() does for all. */
HALLWAY_API hallway_outcome hallway_server_drain(hallway_server* server, hallway_error** error);
HALLWAY_API const char* hallway_server_address(hallway_server* server);
HALLWAY_API size_t hallway_server_connections(const hallway_server* server);
/** Why the path no longer leads to this server; NULL: it does. Asks the file system. Valid until
 * the next call. */
HALLWAY_API const char* hallway_server_lost(hallway_server* server);

/* Datagram sockets
 * ----------------------------------------------------------------------------------- */

/** Called for each datagram, which is valid during the call. */
typedef void (*hallway_datagram_callback)(hallway_datagram_socket* socket,
                                          hallway_datagram* datagram, void* user);
/** The socket receives nothing more: HALLWAY_CLOSED after hallway_datagram_socket_close(), a drain
 * or a lost path, HALLWAY_FAILED, or HALLWAY_OUT_OF_MEMORY. It still has to be freed. The error is
 * borrowed. */
typedef void (*hallway_datagram_end_callback)(hallway_datagram_socket* socket,
                                              hallway_outcome outcome, const hallway_error* error,
                                              void* user);
/** The result of a send; called exactly once. If the socket is freed before, it is HALLWAY_CLOSED.
 * The error is borrowed for the call, and NULL with HALLWAY_OK. */
typedef void (*hallway_sent_callback)(hallway_datagram_socket* socket, hallway_outcome outcome,
                                      const hallway_error* error, void* user);

/** Binds a name. `on_datagram` may be NULL for a socket that only sends; `options` too.
 *  Errors: as hallway_server_open(). */
HALLWAY_API hallway_outcome hallway_datagram_socket_bind(hallway_loop* loop, const char* address,
                                                         const hallway_datagram_options* options,
                                                         hallway_datagram_callback on_datagram,
                                                         void* user,
                                                         hallway_datagram_socket** socket,
                                                         hallway_error** error);
/** A socket that sends to `address` and receives only from there. Errors: ENOENT, ECONNREFUSED,
 * EACCES, EPERM: the socket file has another owner than the options demand. */
HALLWAY_API hallway_outcome hallway_datagram_socket_connect(hallway_loop* loop, const char* address,
                                                            const hallway_datagram_options* options,
                                                            hallway_datagram_callback on_datagram,
                                                            void* user,
                                                            hallway_datagram_socket** socket,
                                                            hallway_error** error);
/** Closes and frees it, and removes its name. Not from a callback of its loop. */
HALLWAY_API void hallway_datagram_socket_free(hallway_datagram_socket* socket);
HALLWAY_API void hallway_datagram_socket_on_end(hallway_datagram_socket* socket,
                                                hallway_datagram_end_callback on_end);
/** Closes it and removes its name; on_end follows in a later turn. */
HALLWAY_API void hallway_datagram_socket_close(hallway_datagram_socket* socket);
/** While it is paused, datagrams wait in the kernel's queue, which is short. One that was received
 *  before may still be kept here until it resumes. */
HALLWAY_API void hallway_datagram_socket_pause(hallway_datagram_socket* socket);
HALLWAY_API void hallway_datagram_socket_resume(hallway_datagram_socket* socket);
/** Sends now, or not at all: to `to`, or with NULL to the connected address. `to` must be an
 * address that this program chose; answer a sender with hallway_datagram_socket_answer(). Outcomes:
 * would_block: the receiver's queue is full; failed: EDESTADDRREQ, EMSGSIZE, ECONNREFUSED: the
 * receiver is gone, ENOENT, ... */
HALLWAY_API hallway_outcome hallway_datagram_socket_try_send(hallway_datagram_socket* socket,
                                                             const char* to, const void* data,
                                                             size_t size, hallway_error** error);
/** Sends, and waits up to `within` while the receiver's queue is full. Adopts `count` descriptors,
 * which may be 0; with any, `to` is not NULL. Calls `on_sent`, which may be NULL. Errors of the
 * call itself: EINVAL, and out_of_memory; `on_sent` is not called then. */
HALLWAY_API hallway_outcome hallway_datagram_socket_send(hallway_datagram_socket* socket,
                                                         const char* to, const void* data,
                                                         size_t size, const int* descriptors,
                                                         size_t count, int64_t within,
                                                         hallway_sent_callback on_sent, void* user,
                                                         hallway_error** error);
/** The same to the sender of a datagram, with no more than that sender's own rights. EPERM in
 * `on_sent`: the address is not provably the sender's; nothing was sent. */
HALLWAY_API hallway_outcome hallway_datagram_socket_answer(
    hallway_datagram_socket* socket, const hallway_return_address* to, const void* data,
    size_t size, const int* descriptors, size_t count, int64_t within,
    hallway_sent_callback on_sent, void* user, hallway_error** error);
HALLWAY_API const char* hallway_datagram_socket_address(hallway_datagram_socket* socket);
/** Borrowed. */
HALLWAY_API int hallway_datagram_socket_descriptor(const hallway_datagram_socket* socket);

HALLWAY_API hallway_view hallway_datagram_bytes(const hallway_datagram* datagram);
/** The name that the sender bound, as it wrote it: a claim. Empty: none, it cannot be answered. */
HALLWAY_API const char* hallway_datagram_sender(hallway_datagram* datagram);
HALLWAY_API hallway_peer hallway_datagram_peer(const hallway_datagram* datagram);
/** The length that it had when it was sent: larger than its bytes if it was cut off. */
HALLWAY_API size_t hallway_datagram_whole_size(const hallway_datagram* datagram);
/** HALLWAY_OK, or HALLWAY_TRUNCATED. */
HALLWAY_API hallway_outcome hallway_datagram_outcome(const hallway_datagram* datagram);
/** As hallway_connection_take_descriptors(); the others are closed after the callback. */
HALLWAY_API size_t hallway_datagram_take_descriptors(hallway_datagram* datagram, int* descriptors,
                                                     size_t room);
HALLWAY_API int hallway_datagram_descriptors_lost(const hallway_datagram* datagram);
/** Where to send the answer; it outlives the datagram, and the program frees it. NULL: memory ran
 * out. */
HALLWAY_API hallway_return_address* hallway_return_address_new(const hallway_datagram* datagram);
HALLWAY_API void hallway_return_address_free(hallway_return_address* address);

/* Children
 * ------------------------------------------------------------------------------------------- */

/** The process has ended: with status `code` if `signal` is 0, else by that signal. The outcome is
 *  HALLWAY_OK; HALLWAY_FAILED with ECHILD if the status was lost; or HALLWAY_CLOSED if the child or
 * the loop was freed before. The error is borrowed for the call, and NULL with HALLWAY_OK. */
typedef void (*hallway_exit_callback)(hallway_child* child, int code, int signal,
                                      hallway_outcome outcome, const hallway_error* error,
                                      void* user);
/** Starts arguments[0], found through PATH, with `arguments`, which end with NULL, and a connection
 * as its standard input and output, unless hallway_child_options_set_standard() says otherwise.
 *  `user` is for the child's connection and `on_exit`, which may be NULL. Waiting for the exit
 * keeps hallway_loop_run() going. Errors: ENOENT, EACCES, EINVAL, ... */
HALLWAY_API hallway_outcome hallway_child_spawn(hallway_loop* loop, const char* const* arguments,
                                                const hallway_child_options* options,
                                                hallway_exit_callback on_exit, void* user,
                                                hallway_child** child, hallway_error** error);
/** Does not end the process; closes its connection, if that is still open. Not from a callback of
 * its loop. */
HALLWAY_API void hallway_child_free(hallway_child* child);
/** Its connection, until its on_closed was called; NULL afterwards, and for a child without one. */
HALLWAY_API hallway_connection* hallway_child_connection(const hallway_child* child);
HALLWAY_API int hallway_child_pid(const hallway_child* child);
/** Sends a signal; a child that has ended is not an error. Errors: EINVAL, EPERM. */
HALLWAY_API hallway_outcome hallway_child_kill(hallway_child* child, int signal,
                                               hallway_error** error);

/* Peers
 * ---------------------------------------------------------------------------------------------- Of
 * a connected socket, which is borrowed. Thread: any. */

HALLWAY_API hallway_outcome hallway_peer_of(int descriptor, hallway_peer* peer,
                                            hallway_error** error);
/** Supplementary groups of the peer. `*count` is how many it has; the first `room` of them are in
 *  `groups`. */
HALLWAY_API hallway_outcome hallway_peer_groups(int descriptor, uint32_t* groups, size_t room,
                                                size_t* count, hallway_error** error);
/** A pidfd of the peer, which the program owns. Errors: ENOPROTOOPT: the kernel is older than 6.5.
 */
HALLWAY_API hallway_outcome hallway_peer_pidfd(int descriptor, int* pidfd, hallway_error** error);
HALLWAY_API hallway_outcome hallway_peer_pid_status(int descriptor, hallway_pid_status* status,
                                                    hallway_error** error);
/** Whether a rule (see hallway_server_options_add_allow()) admits a peer with these supplementary
 *  groups. Errors: EINVAL: no such rule, user or group. Blocking: look-up of a name. */
HALLWAY_API hallway_outcome hallway_rule_admits(const char* rule, const hallway_peer* peer,
                                                const uint32_t* groups, size_t count, int* admits,
                                                hallway_error** error);

/* Messages and events of a hub
 * ------------------------------------------------------------------------ Views of a message are
 * valid as long as the message. */

HALLWAY_API hallway_view hallway_hub_message_subject(const hallway_hub_message* message);
/** The subject to publish an answer to; empty: no answer is wanted. */
HALLWAY_API hallway_view hallway_hub_message_reply(const hallway_hub_message* message);
HALLWAY_API hallway_view hallway_hub_message_payload(const hallway_hub_message* message);
/** The fields of its header: `*count` is how many there are, the first `room` of them are in
 * `fields`. */
HALLWAY_API hallway_outcome hallway_hub_message_header(const hallway_hub_message* message,
                                                       hallway_field* fields, size_t room,
                                                       size_t* count, hallway_error** error);
/** Whether there is a field of that name, which is case-sensitive; the first one is in `*value`. */
HALLWAY_API int hallway_hub_message_find(const hallway_hub_message* message, const char* name,
                                         hallway_view* value);
/** A status such as "503", which a server sends instead of an answer; usually empty. */
HALLWAY_API hallway_view hallway_hub_message_status(const hallway_hub_message* message);

/** What happened to a client of a hub. */
typedef int32_t hallway_hub_event_kind;
enum {
  HALLWAY_HUB_DISCONNECTED = 0,  /**< the hub went away; the client tries to reconnect */
  HALLWAY_HUB_RECONNECTED = 1,   /**< it is connected again, with all its subscriptions */
  HALLWAY_HUB_COMPLAINT = 2,     /**< the hub refused something, such as a subject */
  HALLWAY_HUB_MESSAGES_LOST = 3, /**< a queue was full */
  HALLWAY_HUB_GIVEN_UP = 4       /**< the client no longer tries to reconnect: it has ended */
};
HALLWAY_API hallway_hub_event_kind hallway_hub_event_kind_of(const hallway_hub_event* event);
/** Why. Borrowed as long as the event; never NULL. */
HALLWAY_API const hallway_error* hallway_hub_event_error(const hallway_hub_event* event);
/** One printable line, for logs. Never NULL. */
HALLWAY_API const char* hallway_hub_event_text(const hallway_hub_event* event);

/* Clients of a hub without a loop
 * ---------------------------------------------------------------------- Every call blocks: until
 * it is done, for `within` at most, or until the interrupt ends it. The client works only during
 * calls: a program that makes none for minutes is disconnected by the hub, and reconnects with the
 * next call. A client and its subscriptions belong to one thread. */

/** Connects, and returns when the hub has accepted this client. `options` and `interrupt` may be
 * NULL; the interrupt is borrowed until the client and its subscriptions are freed. Errors: as
 *  hallway_client_connect(); EBADMSG: no hub; EACCES: the hub refused this client. */
HALLWAY_API hallway_outcome hallway_hub_client_connect(const char* address,
                                                       const hallway_hub_options* options,
                                                       hallway_interrupt* interrupt,
                                                       hallway_hub_client** client,
                                                       hallway_error** error);
/** Frees it, after what hallway_hub_client_close() does. Its subscriptions stay, and are freed on
 * their own. Blocking: for 10 s at most. */
HALLWAY_API void hallway_hub_client_free(hallway_hub_client* client);
/** Publishes a message. HALLWAY_OK: the kernel has it. Outcomes: timed_out: if there was room, it
 * stays queued; closed, peer_gone: the client has given up; failed: nothing is sent. */
HALLWAY_API hallway_outcome hallway_hub_client_publish(hallway_hub_client* client,
                                                       hallway_view subject, const void* data,
                                                       size_t size, int64_t within,
                                                       hallway_error** error);
/** The same with a subject for answers, which may be empty, and a header. */
HALLWAY_API hallway_outcome hallway_hub_client_publish_with(
    hallway_hub_client* client, hallway_view subject, hallway_view reply,
    const hallway_field* header, size_t fields, const void* data, size_t size, int64_t within,
    hallway_error** error);
/** Returns when the hub has received everything that was published. Outcomes: timed_out, closed,
 * peer_gone: the hub went away meanwhile. */
HALLWAY_API hallway_outcome hallway_hub_client_flush(hallway_hub_client* client, int64_t within,
                                                     hallway_error** error);
/** Publishes a request and waits for the first answer, which is valid until the next request or
 * _free of this client. Outcomes: no_responders, timed_out, closed, peer_gone, failed. */
HALLWAY_API hallway_outcome hallway_hub_client_request(hallway_hub_client* client,
                                                       hallway_view subject, const void* data,
                                                       size_t size, int64_t within,
                                                       const hallway_hub_message** answer,
                                                       hallway_error** error);
/** Subscribes, and returns when the hub knows it. `options` may be NULL. Errors: EINVAL: not a
 * subject; ETIMEDOUT, ECONNRESET, ECANCELED. */
HALLWAY_API hallway_outcome hallway_hub_client_subscribe(
    hallway_hub_client* client, hallway_view subject, const hallway_subscribe_options* options,
    int64_t within, hallway_subscription** subscription, hallway_error** error);
/** Writes what is queued, then closes. Blocking: for 10 s at most. */
HALLWAY_API hallway_outcome hallway_hub_client_close(hallway_hub_client* client,
                                                     hallway_error** error);
HALLWAY_API int hallway_hub_client_connected(const hallway_hub_client* client);
HALLWAY_API const char* hallway_hub_client_address(hallway_hub_client* client);
/** The hub's limit. */
HALLWAY_API size_t hallway_hub_client_max_payload(const hallway_hub_client* client);
HALLWAY_API hallway_hub_counters hallway_hub_client_counters(const hallway_hub_client* client);

/** Waits for a message, and gives all that have arrived: at least 1, at most `room`, which is at
 * least 1. They are valid until the next receive or _free of this subscription. Outcomes:
 * timed_out, end_of_stream: after max messages or unsubscribing; closed, peer_gone: the client has
 * given up; failed. */
HALLWAY_API hallway_outcome hallway_subscription_receive(hallway_subscription* subscription,
                                                         const hallway_hub_message** messages,
                                                         size_t room, size_t* count, int64_t within,
                                                         hallway_error** error);
/** Ends it; messages that have arrived can still be received. Never blocks. */
HALLWAY_API hallway_outcome hallway_subscription_unsubscribe(hallway_subscription* subscription,
                                                             hallway_error** error);
/** Messages that were lost because a queue was full. */
HALLWAY_API uint64_t hallway_subscription_dropped(const hallway_subscription* subscription);
/** Messages that wait to be received. */
HALLWAY_API size_t hallway_subscription_waiting(const hallway_subscription* subscription);
/** Unsubscribes and frees it. */
HALLWAY_API void hallway_subscription_free(hallway_subscription* subscription);

/* Clients of a hub on a loop
 * --------------------------------------------------------------------------- */

/** The result of hallway_loop_hub_client_connect(): HALLWAY_OK and a client, which the program
 * frees, or NULL and why not. The error is borrowed. */
typedef void (*hallway_hub_connected_callback)(hallway_loop_hub_client* client,
                                               hallway_outcome outcome, const hallway_error* error,
                                               void* user);
typedef void (*hallway_hub_callback)(hallway_loop_hub_client* client, void* user);
/** The result of a flush; called exactly once. If the client is freed before, it is HALLWAY_CLOSED.
 * The error is borrowed, and NULL with HALLWAY_OK. */
typedef void (*hallway_hub_done_callback)(hallway_loop_hub_client* client, hallway_outcome outcome,
                                          const hallway_error* error, void* user);
/** The result of a request, as above. The answer is valid during the call; NULL: there is none. */
typedef void (*hallway_hub_answer_callback)(hallway_loop_hub_client* client,
                                            const hallway_hub_message* answer,
                                            hallway_outcome outcome, const hallway_error* error,
                                            void* user);

/** Connects, and calls `on_connected` exactly once, in a later turn or inside hallway_loop_free(),
 * with the errors of hallway_hub_client_connect(). `user` is also for on_writable. */
HALLWAY_API hallway_outcome hallway_loop_hub_client_connect(
    hallway_loop* loop, const char* address, const hallway_hub_options* options,
    hallway_hub_connected_callback on_connected, void* user, hallway_error** error);
/** Closes and frees it; what is queued is written. Its subscriptions end. Not from a callback of
 * its loop. */
HALLWAY_API void hallway_loop_hub_client_free(hallway_loop_hub_client* client);
/** Queues a message. `reply` may be empty, and `fields` 0. Outcomes: would_block: there is no room,
 * nothing was sent; closed, peer_gone: the client has given up; failed. */
HALLWAY_API hallway_outcome hallway_loop_hub_client_publish(hallway_loop_hub_client* client,
                                                            hallway_view subject, const void* data,
                                                            size_t size, hallway_error** error);
HALLWAY_API hallway_outcome
hallway_loop_hub_client_publish_with(hallway_loop_hub_client* client, hallway_view subject,
                                     hallway_view reply, const hallway_field* header, size_t fields,
                                     const void* data, size_t size, hallway_error** error);
/** Called when publishing gave HALLWAY_WOULD_BLOCK and there may be room again. */
HALLWAY_API void hallway_loop_hub_client_on_writable(hallway_loop_hub_client* client,
                                                     hallway_hub_callback on_writable);
HALLWAY_API hallway_outcome hallway_loop_hub_client_flush(hallway_loop_hub_client* client,
                                                          int64_t within,
                                                          hallway_hub_done_callback on_done,
                                                          void* user, hallway_error** error);
HALLWAY_API hallway_outcome hallway_loop_hub_client_request(hallway_loop_hub_client* client,
                                                            hallway_view subject, const void* data,
                                                            size_t size, int64_t within,
                                                            hallway_hub_answer_callback on_answer,
                                                            void* user, hallway_error** error);
HALLWAY_API int hallway_loop_hub_client_connected(const hallway_loop_hub_client* client);
HALLWAY_API const char* hallway_loop_hub_client_address(hallway_loop_hub_client* client);
HALLWAY_API size_t hallway_loop_hub_client_max_payload(const hallway_loop_hub_client* client);
HALLWAY_API size_t hallway_loop_hub_client_unsent_bytes(const hallway_loop_hub_client* client);
HALLWAY_API hallway_hub_counters
hallway_loop_hub_client_counters(const hallway_loop_hub_client* client);

/** Messages are there: take them with hallway_loop_subscription_receive(). Called again as long as
 * it takes some and leaves others; if it takes none, it pauses until
 * hallway_loop_subscription_resume(). */
typedef void (*hallway_subscription_callback)(hallway_loop_subscription* subscription, void* user);
/** The last call: the subscription has ended, and the handle is invalid afterwards.
 * HALLWAY_END_OF_STREAM after max messages or unsubscribing, HALLWAY_CLOSED, HALLWAY_PEER_GONE,
 * HALLWAY_FAILED. Called exactly once, possibly inside hallway_loop_hub_client_free(). The error is
 * borrowed. */
typedef void (*hallway_subscription_end_callback)(hallway_loop_subscription* subscription,
                                                  hallway_outcome outcome,
                                                  const hallway_error* error, void* user);
/** Subscribes. The library owns the subscription until `on_end`, which may be NULL. Neither
 * callback is called before the next turn. Errors: EINVAL: not a subject; ECANCELED: the client was
 * closed. */
HALLWAY_API hallway_outcome hallway_loop_hub_client_subscribe(
    hallway_loop_hub_client* client, hallway_view subject, const hallway_subscribe_options* options,
    hallway_subscription_callback on_readable, hallway_subscription_end_callback on_end, void* user,
    hallway_loop_subscription** subscription, hallway_error** error);
/** Takes messages that have arrived: at least 1, at most `room`, which is at least 1. They are
 * valid until the next receive of this subscription, or until the callback in which it was called
 * returns; outside of a callback, until the next turn. Outcomes: would_block. */
HALLWAY_API hallway_outcome hallway_loop_subscription_receive(
    hallway_loop_subscription* subscription, const hallway_hub_message** messages, size_t room,
    size_t* count, hallway_error** error);
HALLWAY_API void hallway_loop_subscription_pause(hallway_loop_subscription* subscription);
HALLWAY_API void hallway_loop_subscription_resume(hallway_loop_subscription* subscription);
/** Ends it: messages that have arrived are still given to on_readable, then on_end is called. */
HALLWAY_API hallway_outcome hallway_loop_subscription_unsubscribe(
    hallway_loop_subscription* subscription, hallway_error** error);
HALLWAY_API uint64_t
hallway_loop_subscription_dropped(const hallway_loop_subscription* subscription);

#undef HALLWAY_API

#ifdef __cplusplus
}
#endif

#endif
