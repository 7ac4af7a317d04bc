// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "python.hpp"

#include <array>
#include <cstddef>
#include <span>

#include <hallway/bytes.hpp>
#include <hallway/message.hpp>

#include "arguments.hpp"
#include "reference.hpp"

namespace hallway::python {

/// Adds the type Client, a hallway::Client. Returns whether it could; if not, an exception is set.
bool add_client(PyObject* module);

// What both kinds of connections share. Each returns a new reference, or null with an exception.

/// (bytes, list of descriptors or None). The caller of the Python function owns the descriptors.
PyObject* with_descriptors(const Message& message);

/// Copies the message and returns its length; Truncated is raised if there is no room for it.
PyObject* copy_into(const Room& room, ByteView message);

/// What the kernel tells about the peer of a socket, which is borrowed.
PyObject* peer_groups(int socket);
PyObject* peer_pidfd(int socket);

/// A list of the first message and of those that `take` finds: like a take_buffered(), it may
/// invalidate the messages of its last call. It is called until it finds none.
template <typename Take>
PyObject* list_of(const Message& first, Take take) {
  constexpr std::size_t room = 64;
  std::array<Message, room> more;
  Reference list = Reference::adopt(PyList_New(1));
  PyObject* made = list ? to_bytes(first.bytes()) : nullptr;
  if (made == nullptr) return nullptr;
  PyList_SetItem(list.get(), 0, made);
  while (true) {
    const std::size_t taken = take(std::span(more));
    for (std::size_t i = 0; i < taken; ++i) {
      const Reference item = Reference::adopt(to_bytes(more[i].bytes()));
      if (!item || PyList_Append(list.get(), item.get()) < 0) return nullptr;
    }
    if (taken == 0) return list.release();
  }
}

}  // namespace hallway::python
