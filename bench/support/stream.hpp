// SPDX-License-Identifier: Apache-2.0
//
// What a hand-written program has for a stream: a socket at a path, and len32 frames in a buffer.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

/// An owned descriptor.
class Socket {
 public:
  explicit Socket(int number) noexcept : number_(number) {}
  Socket(Socket&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket();

  [[nodiscard]] int get() const noexcept { return number_; }
  int release() noexcept { return std::exchange(number_, -1); }

 private:
  int number_;
};

Socket listen_at(const std::string& path);
Socket accept_one(const Socket& listener);
Socket connect_to(const std::string& path);
/// The same with a server that has only just been started: waits for it to listen.
Socket connect_when_listening(const std::string& path);
Socket connect_when_listening(const sockaddr& address, std::size_t size);
void make_nonblocking(int descriptor);
void set_send_buffer(int descriptor, int bytes);

/// Writes everything, however long that takes.
void write_all(int descriptor, std::string_view bytes);

/// A frame is a 32-bit length in host order, then so many bytes.
inline constexpr std::size_t length_size = sizeof(std::uint32_t);

inline char* write_frame(std::string_view message, char* out) {
  const auto length = static_cast<std::uint32_t>(message.size());
  std::memcpy(out, &length, length_size);
  std::memcpy(out + length_size, message.data(), message.size());
  return out + length_size + message.size();
}

/// The frame of one message, reused.
class FrameWriter {
 public:
  /// Borrowed until the next call.
  std::string_view frame(std::string_view message) {
    bytes_.resize(length_size + message.size());
    write_frame(message, bytes_.data());
    return bytes_;
  }

 private:
  std::string bytes_;
};

/// Finds frames in received bytes, in place: only a last one that is not whole yet is moved.
class FrameReader {
 public:
  explicit FrameReader(std::size_t room) : buffer_(room) {}

  /// Where to read to; then say how much that was. Never empty.
  std::span<char> space() {
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ == buffer_.size()) buffer_.resize(2 * buffer_.size());
    return std::span(buffer_).subspan(end_);
  }
  void add(std::size_t bytes) noexcept { end_ += bytes; }

  /// The next whole message, borrowed until the next space().
  std::optional<std::string_view> next() {
    std::uint32_t length = 0;
    if (end_ - begin_ < length_size) return std::nullopt;
    std::memcpy(&length, buffer_.data() + begin_, length_size);
    if (end_ - begin_ - length_size < length) return std::nullopt;
    const std::string_view message(buffer_.data() + begin_ + length_size, length);
    begin_ += length_size + length;
    return message;
  }

 private:
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace bench
