// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// The sending half of a connection: the messages that the kernel has not taken yet, and where the
// next frame is written to. try_enqueue() is the inline path of a message that fits there. The
// other functions are in src/message/connection/send_half.cpp.
//
// The queue is an ordered list of segments: ranges of bytes in shared chunks. Small frames are
// copied one after the other into the queue's own last chunk and form one growing segment. A
// broadcast is written once into a chunk of the server and is a segment in every queue; consecutive
// broadcasts also extend that segment. A flush passes as many segments as fit to one sendmsg(2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <vector>

#include <hallway/bytes.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/framing.hpp>

namespace hallway::core {
struct BufferPools;
struct SegmentQueue;
}  // namespace hallway::core

namespace hallway::detail {

struct SharedBytes;

class SendHalf {
 public:
  /// What the queue keeps apart. A message that is a segment of its own can be dropped, but it
  /// counts for more than its bytes, because even an empty one costs memory.
  enum class Segments : std::uint8_t {
    joined,   ///< messages of a stream share segments
    single,   ///< each message of a stream is a segment
    packets,  ///< each message is a segment without framing, and sent alone
  };

  /// @param buffers  must outlive this object
  SendHalf(Framing framing, std::uint32_t max_message, Segments segments,
           core::BufferPools& buffers) noexcept;
  SendHalf(const SendHalf&) = delete;
  SendHalf& operator=(const SendHalf&) = delete;
  ~SendHalf();

  // Queueing -----------------------------------------------------------------------------------

  /// Writes the frame of a message behind the last one, if the open chunk has room for it.
  bool try_enqueue(ByteView message) {
    const std::size_t size = message.size() + framing_.overhead();
    if (message.size() > max_message_ || size > static_cast<std::size_t>(room_end_ - room_))
        [[unlikely]]
      return false;
    room_ = framing_.write(message, room_);
    ++messages_;
    return true;
  }

  /// The same for a message of three parts, which are put together here: reading from elsewhere
  /// what was just written there would wait for the store buffer. Precondition: the framing is raw.
  bool try_enqueue(ByteView head, ByteView payload, ByteView tail) {
    const std::size_t size = head.size() + payload.size() + tail.size();
    if (size > max_message_ || size > static_cast<std::size_t>(room_end_ - room_)) return false;
    for (const ByteView part : {head, payload, tail}) room_ = framing_.write(part, room_);
    ++messages_;
    return true;
  }

  /// The same in all cases: opens a chunk if there is no room.
  void enqueue(ByteView message);
  /// Takes the descriptors unless it throws. They travel with their message, which is a segment of
  /// its own. Precondition: the frame is not empty.
  void enqueue(ByteView message, std::vector<Descriptor>& descriptors);
  /// Queues by reference; the bytes must be framed as this half frames.
  void enqueue_shared(const SharedBytes& frames);

  /// For a message that is sent from where it lies: queues the bytes before it.
  /// @return the number of framing bytes that follow the message
  std::size_t enqueue_head(std::size_t message_size);
  /// Queues what the kernel did not take of that message, and the bytes that follow it.
  void enqueue_rest(ByteView rest);

  /// Ends the open segment: until the next enqueue(), try_enqueue() finds no room.
  void seal() noexcept;
  /// Leaves try_enqueue() only the room up to `most` queued bytes.
  void limit_room(std::size_t most) noexcept;

  /// Drops the oldest message that is not partly sent. Not for Segments::joined.
  bool drop_oldest() noexcept;
  void clear() noexcept;

  // Sending ------------------------------------------------------------------------------------

  /// Offers the beginning of the queue to the kernel once, and after the queue the bytes of
  /// `behind`, from where they lie. The bytes taken are removed from `behind`. Precondition: the
  /// queue and `behind` are not both empty; a packet is never in `behind`.
  /// @return the number of bytes taken, or the errno
  std::expected<std::size_t, int> send_some(int socket, ByteView& behind) noexcept;

  // State --------------------------------------------------------------------------------------

  [[nodiscard]] bool empty() const noexcept { return !queue_; }
  [[nodiscard]] std::size_t queued_bytes() const noexcept {
    return sealed_bytes_ + static_cast<std::size_t>(room_ - open_begin_);
  }
  [[nodiscard]] std::uint64_t messages() const noexcept { return messages_; }
  [[nodiscard]] std::uint32_t max_message() const noexcept { return max_message_; }

  /// From the next message on.
  void set_framing(Framing framing) noexcept { framing_ = framing; }
  [[nodiscard]] Framing framing() const noexcept { return framing_; }

  /// Switches to the buffers of another thread; the old ones may end.
  void use_buffers(core::BufferPools& buffers) noexcept;

 private:
  [[nodiscard]] std::size_t upkeep() const noexcept;
  core::SegmentQueue& queue();
  void open(std::size_t size);
  void consume(std::size_t sent) noexcept;
  void forget_sent() noexcept;

  // The cursor, in the tail chunk of the queue. All are null if it has none.
  char* room_ = nullptr;        // where the next frame is written
  char* room_end_ = nullptr;    // equal to room_ if no segment is open
  char* open_begin_ = nullptr;  // first queued byte of the open segment; room_ if none is open
  std::uint64_t messages_ = 0;
  std::uint32_t max_message_;
  Framing framing_;
  const Segments kept_apart_;
  bool open_ = false;             // the last segment still grows
  std::size_t sealed_bytes_ = 0;  // of every segment but the open one
  core::BufferPools* buffers_;
  std::unique_ptr<core::SegmentQueue> queue_;  // null if it is empty
};

}  // namespace hallway::detail
