// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

#include "error.hpp"
#include "reference.hpp"

namespace hallway::python {

// Buffers ----------------------------------------------------------------------------------------

bool Bytes::read_other(PyObject* given, const char* name) noexcept {
  if (PyUnicode_Check(given)) {
    Py_ssize_t size = 0;
    const char* const data = PyUnicode_AsUTF8AndSize(given, &size);
    if (data == nullptr) return false;
    view_ = {data, static_cast<std::size_t>(size)};
    return true;
  }
  if (PyObject_GetBuffer(given, &buffer_, PyBUF_SIMPLE) == 0) {
    view_ = {static_cast<const char*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
    return true;
  }
  if (is_raised(PyExc_TypeError)) {
    PyErr_Format(PyExc_TypeError, "%s must be bytes, another buffer or str, not %R", name,
                 Py_TYPE(given));
  } else if (is_raised(PyExc_BufferError)) {
    PyErr_Format(PyExc_BufferError, "%s must be contiguous in memory", name);
  }
  return false;
}

PyObject* read_messages(PyObject* given) noexcept {
  // These are iterables too: of numbers, and of characters.
  const bool one = PyUnicode_Check(given) || PyObject_CheckBuffer(given) != 0;
  PyObject* const messages = one ? nullptr : PySequence_Tuple(given);
  if (messages == nullptr && (one || is_raised(PyExc_TypeError))) {
    PyErr_Format(PyExc_TypeError, "messages must be a list or another iterable, not %R",
                 Py_TYPE(given));
  }
  return messages;
}

bool Room::read(PyObject* given, const char* name) noexcept {
  if (PyObject_GetBuffer(given, &buffer_, PyBUF_WRITABLE) == 0) return true;
  if (is_raised(PyExc_TypeError) || is_raised(PyExc_BufferError)) {
    PyErr_Format(PyExc_TypeError,
                 "%s must be a writable contiguous buffer, such as a bytearray, not %R", name,
                 Py_TYPE(given));
  }
  return false;
}

// Single values ----------------------------------------------------------------------------------

bool read_duration(PyObject* given, const char* name, Duration& into) noexcept {
  if (given == Py_None) {
    into = forever;
    return true;
  }
  const double seconds = PyFloat_AsDouble(given);
  if (seconds == -1.0 && PyErr_Occurred() != nullptr) {
    if (is_raised(PyExc_TypeError)) {
      PyErr_Format(PyExc_TypeError, "%s must be a number of seconds or None, not %R", name,
                   Py_TYPE(given));
    } else if (is_raised(PyExc_OverflowError)) {
      PyErr_Format(PyExc_ValueError, "%s is too large for a number of seconds", name);
    }
    return false;
  }
  if (std::isnan(seconds) || seconds < 0) {
    PyErr_Format(PyExc_ValueError, "%s must not be negative: %R", name, given);
    return false;
  }
  constexpr double nanoseconds = 1e9;
  // About 290 years: what a Duration can hold.
  constexpr double most = 9e9;
  into = seconds >= most ? forever : Duration(static_cast<Duration::rep>(seconds * nanoseconds));
  return true;
}

bool read_address(PyObject* given, const char* name, std::string& into) {
  const Reference path = Reference::adopt(PyOS_FSPath(given));
  if (!path) {
    if (is_raised(PyExc_TypeError)) {
      PyErr_Format(PyExc_TypeError, "%s must be str, bytes or os.PathLike, not %R", name,
                   Py_TYPE(given));
    }
    return false;
  }
  const Reference bytes = PyUnicode_Check(path.get())
                              ? Reference::adopt(PyUnicode_EncodeFSDefault(path.get()))
                              : Reference::borrow(path.get());
  char* data = nullptr;
  Py_ssize_t size = 0;
  if (!bytes || PyBytes_AsStringAndSize(bytes.get(), &data, &size) < 0) return false;
  into.assign(data, static_cast<std::size_t>(size));
  return true;
}

bool read_text(PyObject* given, const char* name, std::string& into) {
  Py_ssize_t size = 0;
  const char* const text = PyUnicode_Check(given) ? PyUnicode_AsUTF8AndSize(given, &size) : nullptr;
  if (text == nullptr) {
    if (PyErr_Occurred() == nullptr) {
      PyErr_Format(PyExc_TypeError, "%s must be str, not %R", name, Py_TYPE(given));
    }
    return false;
  }
  into.assign(text, static_cast<std::size_t>(size));
  return true;
}

bool read_number(PyObject* given, const char* name, int& into) noexcept {
  if (!PyLong_Check(given) || PyBool_Check(given)) {
    PyErr_Format(PyExc_TypeError, "%s must be int, the number of a descriptor, not %R", name,
                 Py_TYPE(given));
    return false;
  }
  const long number = PyLong_AsLong(given);
  if (PyErr_Occurred() != nullptr || number < 0 || number > std::numeric_limits<int>::max()) {
    PyErr_Format(PyExc_ValueError, "%s is not the number of a descriptor: %R", name, given);
    return false;
  }
  into = static_cast<int>(number);
  return true;
}

namespace {

/// What an element of `descriptors` refers to, borrowed. Empty with an exception.
Descriptor duplicate(PyObject* item) {
  int number = -1;
  if (PyLong_Check(item)) {
    if (!read_number(item, "descriptors", number)) return {};
  } else {
    number = PyObject_AsFileDescriptor(item);
  }
  if (number < 0 && PyErr_Occurred() != nullptr) {
    if (is_raised(PyExc_TypeError)) {
      PyErr_Format(PyExc_TypeError,
                   "descriptors must be numbers, or objects with a fileno(), not %R",
                   Py_TYPE(item));
    }
    return {};
  }
  constexpr int after_standard_ones = 3;
  const int copy = fcntl(number, F_DUPFD_CLOEXEC, after_standard_ones);
  if (copy >= 0) return Descriptor::adopt(copy);
  Error error;
  error.code = std::error_code(errno, std::system_category());
  error.operation = "send";
  error.subject = "descriptor " + std::to_string(number);
  raise(error);
  return {};
}

}  // namespace

bool read_descriptors(PyObject* given, std::vector<Descriptor>& into) {
  if (given == nullptr || given == Py_None) return true;
  const Reference iterator = Reference::adopt(PyObject_GetIter(given));
  if (!iterator) {
    if (is_raised(PyExc_TypeError)) {
      PyErr_Format(PyExc_TypeError, "descriptors must be an iterable of descriptors, not %R",
                   Py_TYPE(given));
    }
    return false;
  }
  while (const Reference item = Reference::adopt(PyIter_Next(iterator.get()))) {
    if (into.size() == bounds::max_descriptors_per_message) {
      PyErr_Format(PyExc_ValueError, "descriptors: one message carries at most %zu",
                   bounds::max_descriptors_per_message);
      return false;
    }
    into.push_back(duplicate(item.get()));
    if (PyErr_Occurred() != nullptr) return false;
  }
  return PyErr_Occurred() == nullptr;
}

// Options ----------------------------------------------------------------------------------------

PyObject* Options::take(const char* name) noexcept {
  if (named_ == nullptr) return nullptr;
  taken_.push_back(name);
  const Reference key = Reference::adopt(PyUnicode_FromString(name));
  if (!key) return nullptr;
  PyObject* const value = PyDict_GetItemWithError(named_, key.get());
  return value == Py_None ? nullptr : value;
}

bool Options::read(const char* name, bool& into) {
  PyObject* const given = take(name);
  if (given == nullptr) return PyErr_Occurred() == nullptr;
  if (!PyBool_Check(given)) {
    PyErr_Format(PyExc_TypeError, "%s must be bool, not %R", name, Py_TYPE(given));
    return false;
  }
  into = given == Py_True;
  return true;
}

bool Options::read_number(const char* name, unsigned long long& into, unsigned long long most) {
  PyObject* const given = take(name);
  if (given == nullptr) return PyErr_Occurred() == nullptr;
  if (!PyLong_Check(given) || PyBool_Check(given)) {
    PyErr_Format(PyExc_TypeError, "%s must be int, not %R", name, Py_TYPE(given));
    return false;
  }
  const unsigned long long number = PyLong_AsUnsignedLongLong(given);
  if (PyErr_Occurred() != nullptr || number > most) {
    PyErr_Format(PyExc_ValueError, "%s must be between 0 and %llu: %R", name, most, given);
    return false;
  }
  into = number;
  return true;
}

bool Options::read(const char* name, std::size_t& into) {
  unsigned long long number = into;
  if (!read_number(name, number, PY_SSIZE_T_MAX)) return false;
  into = static_cast<std::size_t>(number);
  return true;
}

bool Options::read(const char* name, unsigned& into) {
  unsigned long long number = into;
  if (!read_number(name, number, std::numeric_limits<unsigned>::max())) return false;
  into = static_cast<unsigned>(number);
  return true;
}

bool Options::read(const char* name, int& into) {
  auto number = static_cast<unsigned long long>(into);
  if (!read_number(name, number, std::numeric_limits<int>::max())) return false;
  into = static_cast<int>(number);
  return true;
}

bool Options::read(const char* name, std::optional<std::uint32_t>& into) {
  constexpr unsigned long long absent = std::numeric_limits<unsigned long long>::max();
  unsigned long long number = absent;
  if (!read_number(name, number, std::numeric_limits<std::uint32_t>::max())) return false;
  if (number != absent) into = static_cast<std::uint32_t>(number);
  return true;
}

bool Options::read(const char* name, Duration& into) {
  PyObject* const given = take(name);
  if (given == nullptr) return PyErr_Occurred() == nullptr;
  return read_duration(given, name, into);
}

bool Options::read(const char* name, std::optional<Duration>& into) {
  PyObject* const given = take(name);
  if (given == nullptr) return PyErr_Occurred() == nullptr;
  Duration duration{};
  if (!read_duration(given, name, duration)) return false;
  into = duration;
  return true;
}

bool Options::read(const char* name, std::string& into) {
  PyObject* const given = take(name);
  if (given == nullptr) return PyErr_Occurred() == nullptr;
  return read_text(given, name, into);
}

bool Options::read(const char* name, std::vector<std::string>& into) {
  PyObject* const given = take(name);
  if (given == nullptr) return PyErr_Occurred() == nullptr;
  const Reference iterator =
      PyUnicode_Check(given) ? Reference() : Reference::adopt(PyObject_GetIter(given));
  if (!iterator) {
    PyErr_Format(PyExc_TypeError, "%s must be an iterable of str, not %R", name, Py_TYPE(given));
    return false;
  }
  while (const Reference item = Reference::adopt(PyIter_Next(iterator.get()))) {
    std::string& text = into.emplace_back();
    if (!read_text(item.get(), name, text)) return false;
    if (text.find('\0') == std::string::npos) continue;
    PyErr_Format(PyExc_ValueError, "%s must not contain NUL: %R", name, item.get());
    return false;
  }
  return PyErr_Occurred() == nullptr;
}

namespace {

/// A text that `parse` makes a value of; its error becomes a ValueError.
template <typename Value, typename Parse>
bool parse_text(PyObject* given, const char* name, Value& into, Parse parse) {
  std::string text;
  if (!read_text(given, name, text)) return false;
  auto value = parse(text);
  if (!value) {
    PyErr_Format(PyExc_ValueError, "%s: %s", name, value.error().explain().c_str());
    return false;
  }
  into = std::move(*value);
  return true;
}

}  // namespace

bool read_framings(PyObject* positional, PyObject* named, Framing& receive, Framing& send) {
  static constexpr const char* names[] = {"receive", "send", nullptr};
  PyObject* of_receive = nullptr;
  PyObject* of_send = nullptr;
  return PyArg_ParseTupleAndKeywords(positional, named, "$OO:set_framing",
                                     const_cast<char**>(names), &of_receive, &of_send) &&
         parse_text(of_receive, "receive", receive, Framing::parse) &&
         parse_text(of_send, "send", send, Framing::parse);
}

bool Options::read(const char* name, Framing& into) {
  PyObject* const given = take(name);
  if (given == nullptr) return PyErr_Occurred() == nullptr;
  return parse_text(given, name, into, Framing::parse);
}

bool Options::read(const char* name, SocketType& into) {
  PyObject* const given = take(name);
  if (given == nullptr) return PyErr_Occurred() == nullptr;
  return parse_text(given, name, into, parse_socket_type);
}

bool Options::read(const char* name, OverflowPolicy& into,
                   std::span<const OverflowPolicy> supported) {
  PyObject* const given = take(name);
  if (given == nullptr) return PyErr_Occurred() == nullptr;
  std::string text;
  if (!read_text(given, name, text)) return false;
  const auto policy = overflow_policy(text, supported);
  if (policy) {
    into = *policy;
    return true;
  }
  std::string choices;
  for (const OverflowPolicy choice : supported) {
    if (!choices.empty()) choices += ", ";
    choices += to_string(choice);
  }
  PyErr_Format(PyExc_ValueError, "%s must be one of %s: %R", name, choices.c_str(), given);
  return false;
}

bool Options::read(const char* name, std::vector<AllowRule>& into) {
  std::vector<std::string> texts;
  if (!read(name, texts)) return false;
  for (const std::string& text : texts) {
    auto rule = AllowRule::parse(text);
    if (!rule) {
      PyErr_Format(PyExc_ValueError, "%s: %s", name, rule.error().explain().c_str());
      return false;
    }
    into.push_back(std::move(*rule));
  }
  return true;
}

bool Options::read(const char* name, PathLost& into) {
  std::string text;
  if (!read(name, text) || text.empty()) return PyErr_Occurred() == nullptr;
  constexpr std::pair<std::string_view, PathLost> choices[] = {{"ignore", PathLost::ignore},
                                                               {"report", PathLost::report},
                                                               {"rebind", PathLost::rebind},
                                                               {"drain", PathLost::drain}};
  for (const auto& [word, choice] : choices) {
    if (word != text) continue;
    into = choice;
    return true;
  }
  PyErr_Format(PyExc_ValueError, "%s must be one of ignore, report, rebind, drain: '%s'", name,
               text.c_str());
  return false;
}

bool Options::read_account(const char* name, std::string& into) {
  PyObject* const given = take(name);
  if (given == nullptr) return PyErr_Occurred() == nullptr;
  const bool number = PyLong_Check(given) && !PyBool_Check(given);
  if (!number && !PyUnicode_Check(given)) {
    PyErr_Format(PyExc_TypeError, "%s must be str, int or None, not %R", name, Py_TYPE(given));
    return false;
  }
  const Reference text = Reference::adopt(PyObject_Str(given));
  return text && read_text(text.get(), name, into);
}

bool Options::read(const char* name, PyObject*& into) {
  into = take(name);
  return into != nullptr || PyErr_Occurred() == nullptr;
}

bool Options::read(ConnectionOptions& into) {
  Limits& limits = into.limits;
  if (!read("framing", into.framing) || !read("descriptors", into.descriptors) ||
      !read("overflow", into.overflow, broadcast_policies) ||
      !read("max_message", limits.max_message) || !read("message_time", limits.message_time) ||
      !read("handshake_time", limits.handshake_time) || !read("idle_time", limits.idle_time) ||
      !read("outbound_soft", limits.outbound_soft) ||
      !read("outbound_soft_time", limits.outbound_soft_time) ||
      !read("outbound_hard", limits.outbound_hard) || !read("send_buffer", limits.send_buffer))
    return false;
  if (into.descriptors <= bounds::max_descriptors_per_message) return true;
  PyErr_Format(PyExc_ValueError, "descriptors must be between 0 and %zu: %zu",
               bounds::max_descriptors_per_message, into.descriptors);
  return false;
}

bool Options::read(ConnectOptions& into) {
  if (!read("timeout", into.timeout) || !read("retry_for", into.retry_for) ||
      !read("type", into.type) || !read("server_uid", into.server_uid))
    return false;
  if (into.type == SocketType::datagram) {
    PyErr_SetString(PyExc_ValueError,
                    "type must be 'stream' or 'seqpacket': for datagrams, see DatagramSocket");
    return false;
  }
  return read(into.connection);
}

bool Options::read(SocketFileOptions& into) {
  if (!read("mode", into.mode) || !read_account("owner", into.owner) ||
      !read_account("group", into.group))
    return false;
  constexpr unsigned most_mode = 07777;
  if (into.mode <= most_mode) return true;
  PyErr_Format(PyExc_ValueError, "mode must be between 0 and 0o7777, not %u", into.mode);
  return false;
}

bool Options::finish(const char* function) {
  if (named_ == nullptr) return true;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(named_, &at, &key, &value) != 0;) {
    const char* const name = PyUnicode_AsUTF8AndSize(key, nullptr);
    if (name == nullptr) return false;
    if (std::ranges::any_of(taken_, [&](const char* other) {
          return std::string_view(other) == std::string_view(name);
        }))
      continue;
    PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%s'", function, name);
    return false;
  }
  return true;
}

bool read_arguments(const char* function, std::span<const char* const> names, std::size_t required,
                    PyObject* const* arguments, Py_ssize_t positional, PyObject* keywords,
                    std::span<PyObject*> into) noexcept {
  if (static_cast<std::size_t>(positional) > names.size()) {
    PyErr_Format(PyExc_TypeError, "%s() takes at most %zu arguments (%zd given)", function,
                 names.size(), positional);
    return false;
  }
  std::copy_n(arguments, positional, into.begin());
  const Py_ssize_t named = keywords == nullptr ? 0 : PyTuple_Size(keywords);
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* const keyword = PyTuple_GetItem(keywords, i);
    const auto found = std::ranges::find_if(names, [&](const char* name) {
      return PyUnicode_CompareWithASCIIString(keyword, name) == 0;
    });
    if (found == names.end()) {
      PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument %R", function,
                   keyword);
      return false;
    }
    PyObject*& place = into[static_cast<std::size_t>(found - names.begin())];
    if (place != nullptr) {
      PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument %R", function, keyword);
      return false;
    }
    place = arguments[positional + i];
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (into[i] != nullptr) continue;
    PyErr_Format(PyExc_TypeError, "%s() missing required argument '%s'", function, names[i]);
    return false;
  }
  return true;
}

// To Python --------------------------------------------------------------------------------------

bool read_timeout(const char* function, PyObject* const* arguments, Py_ssize_t positional,
                  PyObject* keywords, Duration& within) noexcept {
  if (positional == 0 && keywords == nullptr) return true;
  static constexpr std::array names{"timeout"};
  std::array<PyObject*, names.size()> given{};
  return read_arguments(function, names, 0, arguments, positional, keywords, given) &&
         (given[0] == nullptr || read_duration(given[0], "timeout", within));
}

PyObject* to_list(std::span<Descriptor> descriptors) noexcept {
  Reference list = Reference::adopt(PyList_New(static_cast<Py_ssize_t>(descriptors.size())));
  if (!list) return nullptr;
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    PyObject* const number = PyLong_FromLong(descriptors[i].get());
    if (number == nullptr) return nullptr;
    PyList_SetItem(list.get(), static_cast<Py_ssize_t>(i), number);
  }
  for (Descriptor& descriptor : descriptors) (void)descriptor.release();
  return list.release();
}

PyObject* to_tuple(const Peer& peer) noexcept {
  return Py_BuildValue("(kki)", static_cast<unsigned long>(peer.uid),
                       static_cast<unsigned long>(peer.gid), static_cast<int>(peer.pid));
}

PyObject* to_dict(const Counters& counters) noexcept {
  return Py_BuildValue("{sK sK sK sK sK}", "messages_received",
                       static_cast<unsigned long long>(counters.messages_received), "messages_sent",
                       static_cast<unsigned long long>(counters.messages_sent), "bytes_received",
                       static_cast<unsigned long long>(counters.bytes_received), "bytes_sent",
                       static_cast<unsigned long long>(counters.bytes_sent), "dropped",
                       static_cast<unsigned long long>(counters.dropped));
}

}  // namespace hallway::python
