// SPDX-License-Identifier: Apache-2.0
//
// Python's arguments as the library's values. Every function that can fail raises TypeError or
// ValueError, which names the argument, and returns false. Hold the GIL.
#pragma once

#include "python.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <hallway/bytes.hpp>
#include <hallway/connection.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/limits.hpp>
#include <hallway/listener.hpp>
#include <hallway/overflow_policy.hpp>
#include <hallway/peer.hpp>
#include <hallway/socket.hpp>

namespace hallway::python {

/// The bytes of an argument: bytes, any other contiguous buffer, or str, which is sent as UTF-8.
class Bytes {
 public:
  Bytes() noexcept = default;
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  ~Bytes() {
    if (buffer_.obj != nullptr) PyBuffer_Release(&buffer_);
  }

  [[nodiscard]] bool read(PyObject* given, const char* name) noexcept {
    if (PyBytes_CheckExact(given)) [[likely]] {
      char* data = nullptr;
      Py_ssize_t size = 0;
      PyBytes_AsStringAndSize(given, &data, &size);
      view_ = {data, static_cast<std::size_t>(size)};
      return true;
    }
    return read_other(given, name);
  }

  /// Valid as long as the argument is referred to, and this object exists.
  [[nodiscard]] ByteView view() const noexcept { return view_; }

 private:
  bool read_other(PyObject* given, const char* name) noexcept;

  ByteView view_;
  Py_buffer buffer_ = {};
};

/// A new reference to a tuple of what an iterable of messages gives; null with an exception.
PyObject* read_messages(PyObject* given) noexcept;

/// A writable buffer.
class Room {
 public:
  Room() noexcept = default;
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  ~Room() {
    if (buffer_.obj != nullptr) PyBuffer_Release(&buffer_);
  }

  [[nodiscard]] bool read(PyObject* given, const char* name) noexcept;
  [[nodiscard]] std::span<char> span() const noexcept {
    return {static_cast<char*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
  }

 private:
  Py_buffer buffer_ = {};
};

/// Seconds, as an int or a float; None and infinity stand for `forever`.
[[nodiscard]] bool read_duration(PyObject* given, const char* name, Duration& into) noexcept;

/// The text of an address: str, bytes or os.PathLike.
[[nodiscard]] bool read_address(PyObject* given, const char* name, std::string& into);

/// Text that the library takes as UTF-8 bytes, such as a subject.
[[nodiscard]] bool read_text(PyObject* given, const char* name, std::string& into);

/// The number of a descriptor; whether there is one is not checked.
[[nodiscard]] bool read_number(PyObject* given, const char* name, int& into) noexcept;

/// The arguments of set_framing(*, receive, send).
[[nodiscard]] bool read_framings(PyObject* positional, PyObject* named, Framing& receive,
                                 Framing& send);

/// Descriptors to send: None, or an iterable of numbers and of objects with a fileno(). They are
/// duplicated, because the library closes what it has sent.
[[nodiscard]] bool read_descriptors(PyObject* given, std::vector<Descriptor>& into);

/// The arguments of a call that are given by keyword only. Each read() takes one of them: if it is
/// absent or None, `into` keeps its value. finish() refuses what no read() has taken.
class Options {
 public:
  /// Borrows a dict, or null for an empty one.
  explicit Options(PyObject* named) noexcept : named_(named) {}

  [[nodiscard]] bool read(const char* name, bool& into);
  [[nodiscard]] bool read(const char* name, std::size_t& into);
  [[nodiscard]] bool read(const char* name, unsigned& into);
  [[nodiscard]] bool read(const char* name, int& into);
  [[nodiscard]] bool read(const char* name, std::optional<std::uint32_t>& into);
  [[nodiscard]] bool read(const char* name, Duration& into);
  [[nodiscard]] bool read(const char* name, std::optional<Duration>& into);
  [[nodiscard]] bool read(const char* name, std::string& into);
  /// Words without NUL.
  [[nodiscard]] bool read(const char* name, std::vector<std::string>& into);
  [[nodiscard]] bool read(const char* name, Framing& into);
  [[nodiscard]] bool read(const char* name, SocketType& into);
  [[nodiscard]] bool read(const char* name, OverflowPolicy& into,
                          std::span<const OverflowPolicy> supported);
  [[nodiscard]] bool read(const char* name, std::vector<AllowRule>& into);
  [[nodiscard]] bool read(const char* name, PathLost& into);
  /// A user or group by name or number.
  [[nodiscard]] bool read_account(const char* name, std::string& into);
  /// Borrowed; null if absent or None.
  [[nodiscard]] bool read(const char* name, PyObject*& into);

  /// framing, descriptors, overflow, max_message, and the other members of Limits by their names.
  [[nodiscard]] bool read(ConnectionOptions& into);
  /// The above, and timeout, retry_for, type, server_uid.
  [[nodiscard]] bool read(ConnectOptions& into);
  /// mode, owner, group.
  [[nodiscard]] bool read(SocketFileOptions& into);

  [[nodiscard]] bool finish(const char* function);

 private:
  /// Borrowed; null if absent or None, or if an exception is set.
  PyObject* take(const char* name) noexcept;
  [[nodiscard]] bool read_number(const char* name, unsigned long long& into,
                                 unsigned long long most);

  PyObject* named_;
  std::vector<const char*> taken_;
};

/// The positional arguments and keywords of a METH_FASTCALL | METH_KEYWORDS function with the given
/// names, in their order. Absent ones stay null. `required` of them must be given.
[[nodiscard]] bool read_arguments(const char* function, std::span<const char* const> names,
                                  std::size_t required, PyObject* const* arguments,
                                  Py_ssize_t positional, PyObject* keywords,
                                  std::span<PyObject*> into) noexcept;

/// The arguments of a function that takes `timeout` alone. If it is absent, `within` keeps its
/// value.
[[nodiscard]] bool read_timeout(const char* function, PyObject* const* arguments,
                                Py_ssize_t positional, PyObject* keywords,
                                Duration& within) noexcept;

// The other way: new references, or null with an exception.

inline PyObject* to_bytes(ByteView bytes) noexcept {
  return PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size()));
}

/// Text of any bytes, as os.fsdecode() gives it.
inline PyObject* to_text(ByteView bytes) noexcept {
  return PyUnicode_DecodeFSDefaultAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size()));
}

/// A list of numbers, which the caller of the Python function then owns.
PyObject* to_list(std::span<Descriptor> descriptors) noexcept;

/// (uid, gid, pid)
PyObject* to_tuple(const Peer& peer) noexcept;

/// A dict of the counters.
PyObject* to_dict(const Counters& counters) noexcept;

}  // namespace hallway::python
