// SPDX-License-Identifier: Apache-2.0
//
// Conversations over real sockets. At one end is a Connection, received from by a task or by
// try_receive(), or a Client; at the other plain system calls, which write pieces of at most 143
// bytes that fit no frame, pass descriptors, half-close and reset. The input decides each step.
//
// What has to hold: the messages and the end are what the reference makes of the bytes that were
// written; every descriptor comes with its own message and no other, or the message is marked; what
// was accepted by send() arrives whole and in order; nothing stays open; nothing waits for ever.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/client.hpp>
#include <hallway/connection.hpp>
#include <hallway/loop.hpp>

#include "input.hpp"
#include "reference.hpp"
#include "support/raw_socket.hpp"
#include "sys/fault_hook.hpp"

namespace {

using namespace hallway;
using fuzz::Expected;
using fuzz::Input;
using fuzz::require;
using test::raw_receive;
using test::raw_send;
using test::RawReception;

// How often a conversation may go round at its end: far more than any needs.
constexpr int patience = 100'000;

// Bytes of the largest message that is sent.
constexpr std::size_t largest_message = 16 * kibibyte;

// How many steps this process has made, told at its end.
struct Steps {
  std::uint64_t made = 0;
  ~Steps() {
    std::fprintf(stderr, "conversations: %llu steps\n", static_cast<unsigned long long>(made));
  }
} steps;

// Descriptors ------------------------------------------------------------------------------------

/// The files that are passed around, made once: by number here, recognized by what they are.
class Files {
 public:
  static constexpr std::size_t count = 6;

  Files() {
    std::array<int, 2> pipe{};
    require(::pipe2(pipe.data(), O_CLOEXEC) == 0);
    for (std::size_t i = 0; i < count; ++i) {
      const bool is_pipe = i < pipe.size();
      numbers_[i] = is_pipe ? pipe[i] : ::memfd_create("passed", MFD_CLOEXEC);
      require(numbers_[i] >= 0);
      marks_[i] = mark(numbers_[i]);
    }
  }

  [[nodiscard]] int number(std::size_t file) const { return numbers_[file]; }

  [[nodiscard]] std::size_t recognize(int number) const {
    // NOLINTNEXTLINE(readability-qualified-auto): an iterator, which need not be a pointer
    const auto found = std::ranges::find(marks_, mark(number));
    require(found != marks_.end());
    require((::fcntl(number, F_GETFD) & FD_CLOEXEC) != 0);
    return static_cast<std::size_t>(found - marks_.begin());
  }

  void require_untouched() const {
    for (std::size_t i = 0; i < count; ++i) require(mark(numbers_[i]) == marks_[i]);
  }

 private:
  using Mark = std::array<std::uint64_t, 3>;

  static Mark mark(int number) {
    struct stat status{};
    if (::fstat(number, &status) != 0) return {};
    // The two ends of a pipe are one inode.
    const auto access = static_cast<std::uint64_t>(::fcntl(number, F_GETFL) & O_ACCMODE);
    return {status.st_dev, status.st_ino, access};
  }

  std::array<int, count> numbers_{};
  std::array<Mark, count> marks_{};
};

/// Requires at its end that the same descriptors are open as at its beginning.
class NothingLeftOpen {
 public:
  NothingLeftOpen() : before_(open_now()) {}
  NothingLeftOpen(const NothingLeftOpen&) = delete;
  NothingLeftOpen& operator=(const NothingLeftOpen&) = delete;
  ~NothingLeftOpen() {
    // What a peer sent is closed in the background (core/received_descriptors.hpp).
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (open_now() != before_) {
      require(std::chrono::steady_clock::now() < deadline);
      ::sched_yield();
    }
  }

 private:
  using Open = std::array<bool, 256>;

  /// In one call: poll(2) tells which of its numbers are no descriptors.
  static Open open_now() {
    std::array<pollfd, std::tuple_size_v<Open>> looked_at{};
    for (std::size_t i = 0; i < looked_at.size(); ++i) looked_at[i].fd = static_cast<int>(i);
    require(::poll(looked_at.data(), looked_at.size(), 0) >= 0);
    Open open{};
    for (std::size_t i = 0; i < open.size(); ++i) {
      open[i] = (looked_at[i].revents & POLLNVAL) == 0;
    }
    return open;
  }

  Open before_;
};

using FileList = std::vector<std::size_t>;

// Faults -----------------------------------------------------------------------------------------

/// What the kernel may do to any call, done more often: fall short, or have nothing.
struct Faults {
  bool one_byte_received = false;
  bool one_byte_sent = false;
  unsigned nothing_every = 0;  ///< EAGAIN for each so-manieth call; 0: never
  unsigned calls = 0;
} faults;

sys::InjectedFault inject_fault(sys::Call call) noexcept {
  const bool receives = call == sys::Call::recvmsg;
  if (!receives && call != sys::Call::sendmsg) return {};
  if (faults.nothing_every != 0 && ++faults.calls % faults.nothing_every == 0) {
    return {.error = EAGAIN};
  }
  return {.one_byte = receives ? faults.one_byte_received : faults.one_byte_sent};
}

// The side under test ----------------------------------------------------------------------------

struct Inbound {
  std::string bytes;
  FileList files;
  bool files_lost = false;
};

struct Outbound {
  std::string bytes;
  FileList files;
  std::optional<Outcome> outcome = {};
  bool counted = false;  ///< as sent, although the outcome says that it got no further
};

struct Log {
  const Files& files;
  std::vector<Inbound> received = {};
  std::optional<Outcome> end = {};

  /// @return whether more may come
  bool note(const Received& message) {
    if (!message) {
      if (message.outcome() == Outcome::failed) require(!message.error().explain().empty());
      end = message.outcome();
      return false;
    }
    Inbound inbound{message->to_owned(), {}, message->descriptors_lost()};
    for (Descriptor& descriptor : message->descriptors()) {
      inbound.files.push_back(files.recognize(descriptor.get()));
      // Some are taken, and closed here; the others are left to the connection.
      if (inbound.files.size() % 2 == 1) descriptor.close();
    }
    received.push_back(std::move(inbound));
    return true;
  }
};

class Side {
 public:
  virtual ~Side() = default;
  virtual void turn() = 0;     ///< gives the library the time to do what it has to
  virtual void receive() = 0;  ///< takes the messages that are there
  virtual void send(Outbound& message, std::vector<Descriptor> descriptors, bool may_wait) = 0;
  virtual void flush() = 0;
  virtual void half_close() = 0;
  virtual void close() = 0;
  virtual void abort() = 0;
  [[nodiscard]] virtual bool all_sent() const = 0;
  [[nodiscard]] virtual Counters counters() const = 0;
};

class ConnectionSide final : public Side {
 public:
  ConnectionSide(Descriptor socket, ConnectionOptions options, Log& log, bool by_task)
      : connection_(adopted(std::move(socket), std::move(options))), log_(log), by_task_(by_task) {
    if (by_task_) loop_.spawn(receive_all());
  }

  void turn() override { loop_.turn(); }

  void receive() override {
    if (by_task_) return;
    while (!log_.end) {
      const Received received = connection_.try_receive();
      if (received.outcome() == Outcome::would_block || !log_.note(received)) return;
    }
  }

  void send(Outbound& message, std::vector<Descriptor> descriptors, bool may_wait) override {
    if (may_wait || !descriptors.empty()) {
      loop_.spawn(send_one(message, std::move(descriptors)));
    } else {
      message.outcome = connection_.try_send(message.bytes).outcome();
    }
  }

  void flush() override { loop_.spawn(flush_once()); }
  void half_close() override { connection_.half_close(); }
  void close() override { connection_.close(); }
  void abort() override { connection_.abort(); }
  [[nodiscard]] bool all_sent() const override { return connection_.unsent_bytes() == 0; }
  [[nodiscard]] Counters counters() const override { return connection_.counters(); }

 private:
  Connection adopted(Descriptor socket, ConnectionOptions options) {
    auto made = Connection::adopt(loop_, std::move(socket), std::move(options));
    require(made.has_value());
    return std::move(*made);
  }

  Task<> receive_all() {
    while (true) {
      const Received received = co_await connection_.receive();
      const bool goes_on = log_.note(received);
      if (!goes_on) co_return;
    }
  }

  Task<> send_one(Outbound& message, std::vector<Descriptor> descriptors) {
    if (descriptors.empty()) {
      const Sent sent = co_await connection_.send(message.bytes);
      message.outcome = sent.outcome();
    } else {
      const Sent sent = co_await connection_.send(message.bytes, std::move(descriptors));
      message.outcome = sent.outcome();
    }
  }

  Task<> flush_once() {
    const Sent flushed = co_await connection_.flush();
    require(flushed.outcome() != Outcome::would_block);
  }

  Loop loop_;
  Connection connection_;
  Log& log_;
  bool by_task_;
};

class ClientSide final : public Side {
 public:
  ClientSide(Descriptor socket, ConnectionOptions options, Log& log)
      : client_(adopted(std::move(socket), std::move(options))), log_(log) {}

  void turn() override {}

  void receive() override {
    while (!log_.end) {
      const Received received = client_.receive(Duration::zero());
      if (received.outcome() == Outcome::timed_out || !log_.note(received)) return;
    }
  }

  void send(Outbound& message, std::vector<Descriptor> descriptors, bool) override {
    const std::uint64_t before = client_.counters().messages_sent;
    const Sent sent = client_.send(message.bytes, std::move(descriptors), Duration::zero());
    // When time is up in the middle of a message, its rest goes out with the next call.
    const bool begun = client_.counters().messages_sent > before;
    const bool timed_out = sent.outcome() == Outcome::timed_out;
    if (sent || timed_out) unsent_ = timed_out;
    message.outcome = timed_out && begun ? Outcome::ok : sent.outcome();
    message.counted = begun && !sent && !timed_out;
  }

  void flush() override {}
  void half_close() override { client_.half_close(); }
  void close() override { client_.close(); }
  void abort() override { client_.close(); }
  [[nodiscard]] bool all_sent() const override { return !unsent_; }
  [[nodiscard]] Counters counters() const override { return client_.counters(); }

 private:
  static Client adopted(Descriptor socket, ConnectionOptions options) {
    auto made = Client::adopt(std::move(socket), std::move(options));
    require(made.has_value());
    return std::move(*made);
  }

  Client client_;
  Log& log_;
  bool unsent_ = false;
};

// The conversation -------------------------------------------------------------------------------

class Conversation {
 public:
  Conversation(Input& input, const Files& files) : input_(input), files_(files), log_{files} {
    const std::size_t role = input_.below(3);
    // NOLINTNEXTLINE(cppcoreguidelines-prefer-member-initializer): after the role, as in the input
    packets_ = input_.below(4) == 3;
    constexpr std::array framings{Framing::lines(),   Framing::null(),    Framing::len32(),
                                  Framing::len32be(), Framing::len32le(), Framing::raw()};
    framing_ = framings[input_.below(framings.size())];
    if (framing_ == Framing::raw()) {
      raw_most_ = input_.byte();
      framing_ = Framing::raw(static_cast<std::uint32_t>(raw_most_));
      raw_most_ = std::max<std::size_t>(raw_most_, 1);
    }
    constexpr std::array<std::size_t, 8> limits{0, 1, 8, 16, 64, 143, 1000, 1 * mebibyte};
    limit_ = limits[input_.below(limits.size())];
    accepted_ = input_.below(5);
    constexpr std::array<std::size_t, 4> softs{1, 200, 5000, 1 * mebibyte};
    const std::size_t soft = softs[input_.below(softs.size())];
    const std::uint8_t trouble = input_.byte();
    // Whether anything is torn is the kernel's to say for packets, and it never tears them.
    faults = {.one_byte_received = !packets_ && (trouble & 1U) != 0,
              .one_byte_sent = !packets_ && (trouble & 2U) != 0,
              .nothing_every = (trouble >> 2U) % 4U == 0 ? 0 : 1 + (trouble >> 2U) % 4U};

    auto [near, far] = test::raw_pair(packets_ ? SOCK_SEQPACKET : SOCK_STREAM);
    if ((trouble & 16U) != 0) test::shrink_send_buffer(near.get());
    largest_sent_ = packets_ ? std::min(limit_, largest_packet(near.get())) : limit_;
    peer_ = std::move(far);
    const int on = 1;  // else an empty packet and the end look the same
    if (packets_) ::setsockopt(peer_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    if ((trouble & 32U) != 0) {  // what comes before the connection is even made
      append_frame();
      write_piece();
    }
    ConnectionOptions options{.framing = framing_,
                              .descriptors = accepted_,
                              .limits = {.max_message = limit_,
                                         .message_time = Duration::zero(),
                                         .outbound_soft = soft,
                                         .outbound_soft_time = Duration::zero()}};
    if (role == 2) {
      ours_ = std::make_unique<ClientSide>(std::move(near), std::move(options), log_);
    } else {
      ours_ =
          std::make_unique<ConnectionSide>(std::move(near), std::move(options), log_, role == 1);
    }
  }

  void run() {
    while (!input_.used_up()) {
      ++steps.made;
      step();
    }
    finish();
    check_received();
    check_sent();
    ours_.reset();
  }

 private:
  static std::size_t largest_packet(int socket) {
    int size = 0;
    socklen_t length = sizeof size;
    ::getsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, &length);
    return static_cast<std::size_t>(size) - 32;
  }

  void step() {
    switch (input_.below(16)) {
      case 0:
      case 1:
      case 2: append_frame(); return;
      case 3: pending_ += input_.take(1 + input_.below(16)); return;
      case 4:
      case 5:
      case 6:
      case 7: write_piece(); return;
      case 8: read_some(1 + 16 * std::size_t{input_.byte()}); return;
      case 9:
      case 10: ours_->turn(); return;
      case 11: ours_->receive(); return;
      case 12:
      case 13:
      case 14: send(); return;
      default: rare_step();
    }
  }

  void rare_step() {
    switch (input_.below(8)) {
      case 0: finish_writing(); return;
      case 1: close_peer(); return;
      case 2: ours_->half_close(); return;
      case 3:
        ours_->close();
        closed_by_us_ = true;
        return;
      case 4:
        ours_->abort();
        closed_by_us_ = aborted_ = true;
        return;
      case 5: ours_->flush(); return;
      case 6:
        for (int i = 0; i < 8; ++i) write_piece();
        return;
      default:
        while (read_some(4096)) {
        }
    }
  }

  // The peer -----------------------------------------------------------------------------------

  /// One more frame to be written: any length about the limit, of a byte that may be a delimiter.
  void append_frame() {
    const std::size_t size = input_.below(2) == 0 ? input_.below(20) : 2UL * input_.byte();
    const auto fill = static_cast<char>(input_.byte());
    const std::string message(std::min(size, limit_ + 2), fill);
    const std::size_t begin = pending_.size();
    pending_.resize(begin + message.size() + framing_.overhead());
    framing_.write(message, pending_.data() + begin);
  }

  void write_piece() {
    const std::size_t most = input_.below(144);
    const std::uint8_t passed = input_.byte();
    const std::string piece = pending_.substr(0, most);
    if (!peer_.holds_one() || finished_ || (piece.empty() && !packets_)) return;
    FileList list;
    std::vector<int> numbers;
    for (std::size_t i = passed < 128 ? 0 : passed % 8U; i > 0; --i) {
      list.push_back((passed + i) % Files::count);
      numbers.push_back(files_.number(list.back()));
    }
    const ssize_t written = raw_send(peer_.get(), piece, numbers);
    if (written < 0) return;  // full, refused, or nobody is there
    require(static_cast<std::size_t>(written) == piece.size());
    pending_.erase(0, piece.size());
    if (packets_) {
      packets_written_.emplace_back(piece, list);
    } else if (!list.empty()) {
      const std::size_t seen_with = faults.one_byte_received ? 1 : piece.size();
      passed_.emplace_back(stream_.size() + seen_with, list);
    }
    stream_ += piece;
  }

  /// @return whether there was anything
  bool read_some(std::size_t most) {
    if (!peer_.holds_one() || peer_saw_end_) return false;
    // A packet that does not fit would lose its rest.
    RawReception got = raw_receive(peer_.get(), packets_ ? largest_message : most);
    if (got.error == EAGAIN) return false;
    if (got.result < 0) {
      require(got.error == ECONNRESET);
      peer_saw_reset_ = true;
      return true;
    }
    if (packets_ ? !got.has_control : got.bytes.empty()) {
      peer_saw_end_ = true;
      return false;
    }
    FileList list;
    for (const Descriptor& descriptor : got.descriptors) {
      list.push_back(files_.recognize(descriptor.get()));
    }
    if (packets_) {
      packets_read_.emplace_back(got.bytes, list);
    } else if (!list.empty()) {
      passed_back_.push_back({read_.size(), read_.size() + got.bytes.size(), list});
    }
    read_ += got.bytes;
    return true;
  }

  void finish_writing() {
    if (!peer_.holds_one()) return;
    ::shutdown(peer_.get(), SHUT_WR);
    finished_ = true;
  }

  void close_peer() {
    if (!peer_.holds_one()) return;
    char byte = 0;
    const ssize_t unread = ::recv(peer_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    // An empty packet looks like nothing; whether the end had been seen before is not ours to know.
    reset_ = unread > 0 && !finished_ ? Reset::yes : Reset::no;
    if ((packets_ && unread == 0) || (unread > 0 && finished_)) reset_ = Reset::perhaps;
    peer_.close();
    // After a reset the kernel has data or an end, and never nothing.
    if (reset_ != Reset::no) faults.nothing_every = 0;
    finished_ = true;
    peer_closed_early_ = !peer_saw_end_;
  }

  // Our side -----------------------------------------------------------------------------------

  void send() {
    const std::uint8_t kind = input_.byte();
    std::size_t size = input_.byte();
    if ((kind & 1U) != 0 && !faults.one_byte_sent) size *= 64;
    size = std::min({size, limit_ + 1, largest_message});
    Outbound& message = sent_.emplace_back();
    message.bytes.assign(size, static_cast<char>('a' + sent_.size() % 26));
    std::vector<Descriptor> descriptors;
    for (std::size_t i = (kind & 2U) != 0 ? (kind >> 3U) % 5U : 0; i > 0; --i) {
      message.files.push_back((kind + i) % Files::count);
      descriptors.push_back(
          Descriptor::adopt(::fcntl(files_.number(message.files.back()), F_DUPFD_CLOEXEC, 0)));
    }
    ours_->send(message, std::move(descriptors), (kind & 4U) != 0);
  }

  // The end ------------------------------------------------------------------------------------

  /// Goes round until `done`; what does not get there hangs.
  template <typename Done>
  void go_round_until(Done done) {
    for (int i = 0; !done(); ++i) {
      require(i < patience);
      while (read_some(4096)) {
      }
      ours_->turn();
      ours_->receive();
    }
  }

  void finish() {
    faults.nothing_every = 0;
    // What was accepted arrives while both are there.
    int quiet = 0;
    go_round_until([&] { return ours_->all_sent() ? ++quiet > 2 : ++quiet > 200; });
    finish_writing();
    go_round_until([&] { return log_.end.has_value(); });
    left_unsent_ = !ours_->all_sent();
    ours_->close();
    if (peer_.holds_one()) go_round_until([&] { return peer_saw_end_; });
    go_round_until([&] {
      return std::ranges::all_of(sent_,
                                 [](const Outbound& one) { return one.outcome.has_value(); });
    });
  }

  // Properties ---------------------------------------------------------------------------------

  void check_received() {
    if (packets_) {
      check_packets_received();
    } else if (framing_.kind() == Framing::Kind::raw) {
      check_raw_received();
    } else {
      check_messages_received();
    }
    require(ours_->counters().messages_received == log_.received.size());
  }

  void check_end(Expected::End stream_end) const {
    if (closed_by_us_) return;
    if (stream_end != Expected::End::in_order) {
      require(log_.end == Outcome::failed);
    } else if (reset_ == Reset::yes) {
      require(log_.end == Outcome::peer_gone);
    } else if (reset_ == Reset::perhaps) {
      require(log_.end == Outcome::peer_gone || log_.end == Outcome::end_of_stream);
    } else {
      require(log_.end == Outcome::end_of_stream);
    }
  }

  /// What belongs to the frame that lies in the stream between `begin` and `end`.
  FileList passed_between(std::size_t begin, std::size_t end) const {
    FileList list;
    for (const auto& [position, files] : passed_) {
      if (position > begin && position <= end) list.insert(list.end(), files.begin(), files.end());
    }
    return list;
  }

  void check_files(const Inbound& message, const FileList& passed) const {
    const bool too_many = accepted_ > 0 && passed.size() > accepted_;
    require(message.files_lost == too_many);
    require(message.files == (too_many || accepted_ == 0 ? FileList{} : passed));
  }

  void check_messages_received() const {
    Expected expected = fuzz::expected_of(framing_, limit_, stream_, true);
    if (reset_ != Reset::no) {
      const Expected cut = fuzz::expected_of(framing_, limit_, stream_, false);
      // Whether the rest counts depends on whether the end or the reset was seen first.
      const bool reset_seen = log_.end == Outcome::peer_gone;
      if (reset_ == Reset::yes || reset_seen) expected = cut;
    }
    const auto& received = log_.received;
    require(received.size() <= expected.messages.size());
    std::size_t begin = 0;
    for (std::size_t i = 0; i < received.size(); ++i) {
      require(received[i].bytes == expected.messages[i].bytes);
      check_files(received[i], passed_between(begin, expected.messages[i].end));
      begin = expected.messages[i].end;
    }
    if (closed_by_us_) return;
    require(received.size() == expected.messages.size());
    check_end(expected.end);
  }

  void check_raw_received() const {
    std::string together;
    for (const Inbound& message : log_.received) {
      require(!message.bytes.empty() && message.bytes.size() <= std::min(raw_most_, limit_));
      const std::size_t begin = together.size();
      together += message.bytes;
      check_files(message, passed_between(begin, together.size()));
    }
    require(stream_.starts_with(together));
    if (closed_by_us_) return;
    const bool none_fits = limit_ == 0 && !stream_.empty();
    require(none_fits || together == stream_);
    check_end(none_fits ? Expected::End::too_large : Expected::End::in_order);
  }

  void check_packets_received() const {
    std::size_t at = 0;
    bool too_large = false;
    for (const auto& [bytes, files] : packets_written_) {
      too_large = bytes.size() > limit_;
      if (too_large || at == log_.received.size()) break;
      require(log_.received[at].bytes == bytes);
      check_files(log_.received[at], files);
      ++at;
    }
    require(at == log_.received.size());
    if (closed_by_us_) return;
    require(too_large || at == packets_written_.size());
    check_end(too_large ? Expected::End::too_large : Expected::End::in_order);
  }

  void check_sent() const {
    std::string stream;
    std::vector<std::pair<std::string, FileList>> packets;
    std::vector<std::pair<std::size_t, const Outbound*>> with_files;
    std::uint64_t counted = 0;
    for (const Outbound& message : sent_) {
      const std::size_t size = message.bytes.size();
      const bool carries_none =
          !packets_ && !message.files.empty() && size + framing_.overhead() == 0;
      const bool impossible = size > largest_sent_ || carries_none;
      if (impossible) require(message.outcome != Outcome::ok);
      if (message.outcome == Outcome::failed) require(impossible || log_.end == Outcome::failed);
      if (message.counted || message.outcome == Outcome::ok) ++counted;
      if (message.outcome != Outcome::ok) continue;
      packets.emplace_back(message.bytes, message.files);
      if (!message.files.empty()) with_files.emplace_back(stream.size(), &message);
      const std::size_t begin = stream.size();
      stream.resize(begin + size + framing_.overhead());
      framing_.write(message.bytes, stream.data() + begin);
    }
    require(ours_->counters().messages_sent == counted);

    const bool whole = !aborted_ && !peer_closed_early_ && !left_unsent_ &&
                       log_.end != Outcome::failed && peer_saw_end_ && !peer_saw_reset_;
    if (packets_) {
      require(packets_read_.size() <= packets.size());
      require(std::equal(packets_read_.begin(), packets_read_.end(), packets.begin()));
      if (whole) require(packets_read_.size() == packets.size());
      return;
    }
    require(stream.starts_with(read_));
    if (whole) require(read_.size() == stream.size());
    require(passed_back_.size() <= with_files.size());
    for (std::size_t i = 0; i < passed_back_.size(); ++i) {
      const auto& [begin, message] = with_files[i];
      const PassedBack& back = passed_back_[i];
      require(back.files == message->files);
      // They arrive with the first byte of their frame, in a receive that ends within it.
      require(back.begin <= begin && begin < back.end);
      require(back.end <= begin + message->bytes.size() + framing_.overhead());
    }
    if (whole) require(passed_back_.size() == with_files.size());
  }

  enum class Reset : std::uint8_t { no, yes, perhaps };
  struct PassedBack {
    std::size_t begin;
    std::size_t end;
    FileList files;
  };

  Input& input_;
  const Files& files_;
  Log log_;
  bool packets_ = false;
  Framing framing_ = Framing::lines();
  std::size_t raw_most_ = 0;
  std::size_t limit_ = 0;
  std::size_t accepted_ = 0;
  std::size_t largest_sent_ = 0;

  std::deque<Outbound> sent_;
  std::unique_ptr<Side> ours_;
  bool closed_by_us_ = false;
  bool aborted_ = false;
  bool left_unsent_ = false;

  Descriptor peer_;
  std::string pending_;  // not written yet
  std::string stream_;   // written
  std::vector<std::pair<std::size_t, FileList>> passed_;
  std::vector<std::pair<std::string, FileList>> packets_written_;
  bool finished_ = false;
  bool peer_closed_early_ = false;
  Reset reset_ = Reset::no;

  std::string read_;
  std::vector<PassedBack> passed_back_;
  std::vector<std::pair<std::string, FileList>> packets_read_;
  bool peer_saw_end_ = false;
  bool peer_saw_reset_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Files files;
  sys::fault_hook.store(inject_fault);
  {
    const NothingLeftOpen checked;
    Input input(data, size);
    Conversation(input, files).run();
  }
  files.require_untouched();
  sys::fault_hook.store(nullptr);
  return 0;
}
