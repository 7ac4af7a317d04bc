/* What the packet server includes and its document does not show. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <stdbool.h>

#ifndef SOCKET_NAME
#define SOCKET_NAME "/tmp/9Lq7BNBnBycd6nxy.socket"
#endif

#define BUFFER_SIZE 128

#endif
