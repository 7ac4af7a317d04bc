// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <system_error>
#include <unordered_set>

#include <hallway.h>
#include <hallway/error.hpp>
#include <hallway/version.hpp>

#include "c/handle.hpp"

/// What an error of its own holds. The constants have nothing of it.
struct hallway_error {
  struct Texts {
    hallway::Error error;
    std::string reason;
    std::string sentence;
  };

  int code = 0;
  const char* operation = "";
  const char* reason = "";
  const char* sentence = "";
  std::unique_ptr<const Texts> texts = {};  // null: a constant
};

namespace hallway::c {

static_assert(HALLWAY_OK == to_c(Outcome::ok));
static_assert(HALLWAY_WOULD_BLOCK == to_c(Outcome::would_block));
static_assert(HALLWAY_TIMED_OUT == to_c(Outcome::timed_out));
static_assert(HALLWAY_END_OF_STREAM == to_c(Outcome::end_of_stream));
static_assert(HALLWAY_PEER_GONE == to_c(Outcome::peer_gone));
static_assert(HALLWAY_CLOSED == to_c(Outcome::closed));
static_assert(HALLWAY_TRUNCATED == to_c(Outcome::truncated));
static_assert(HALLWAY_NO_RESPONDERS == to_c(Outcome::no_responders));
static_assert(HALLWAY_FAILED == to_c(Outcome::failed));

namespace {

// Not const: the program gets a pointer to them that it may pass to hallway_error_free(). They are
// never changed. In the order of hallway_outcome.
// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
constinit std::array<hallway_error, HALLWAY_OUT_OF_MEMORY + 1> constants{{
    {EINVAL, "finish", "ok", "finish: ok"},
    {EAGAIN, "finish", "would block", "the operation would block"},
    {ETIMEDOUT, "finish", "the time is up", "the time for the operation is up"},
    {ENODATA, "receive", "end of stream", "the peer sends nothing more"},
    {ECONNRESET, "transfer", "the peer is gone", "the peer has closed the connection"},
    {ECANCELED, "transfer", "closed on this side", "this side has closed"},
    {EMSGSIZE, "receive", "the datagram was cut off", "the datagram was longer than the limit"},
    {EHOSTUNREACH, "request", "no responders", "no subscription matches the request"},
    {EIO, "finish", "failed", "the operation failed"},
    {ENOMEM, "finish", "out of memory", "the process is out of memory"},
}};
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

#ifndef NDEBUG
struct LiveHandles {
  std::mutex mutex;
  std::unordered_set<const Handle*> handles;
};

/// Never destroyed: a program may free its handles in a destructor that runs late.
LiveHandles& live_handles() {
  static auto* const live = new LiveHandles;  // NOLINT(cppcoreguidelines-owning-memory)
  return *live;
}
#endif

}  // namespace

#ifndef NDEBUG
Handle::Handle() {
  LiveHandles& live = live_handles();
  const std::scoped_lock lock(live.mutex);
  live.handles.insert(this);
}

Handle::~Handle() {
  LiveHandles& live = live_handles();
  const std::scoped_lock lock(live.mutex);
  live.handles.erase(this);
}

bool alive(const Handle* handle) noexcept {
  LiveHandles& live = live_handles();
  const std::scoped_lock lock(live.mutex);
  return live.handles.contains(handle);
}
#endif

hallway_outcome fail(hallway_error** error, const Error& reason) noexcept {
  if (error == nullptr) return HALLWAY_FAILED;
  return guarded(error, [&] {
    auto texts =
        std::make_unique<const hallway_error::Texts>(reason, reason.why(), reason.explain());
    auto made = std::make_unique<hallway_error>();
    made->code = reason.code.value() == 0 ? EIO : reason.code.value();
    made->operation = texts->error.operation.c_str();
    made->reason = texts->reason.c_str();
    made->sentence = texts->sentence.c_str();
    made->texts = std::move(texts);
    *error = made.release();
    return hallway_outcome{HALLWAY_FAILED};
  });
}

hallway_outcome refuse(hallway_error** error, const char* operation, const std::string& subject,
                       const char* reason) {
  return fail(
      error,
      Error{std::make_error_code(std::errc::invalid_argument), operation, subject, reason, {}});
}

hallway_outcome end(hallway_error** error, hallway_outcome outcome) noexcept {
  if (error != nullptr) *error = &constants.at(static_cast<std::size_t>(outcome));
  return outcome;
}

hallway_outcome end_for_exception(hallway_error** error) noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return end(error, HALLWAY_OUT_OF_MEMORY);
  } catch (const std::length_error&) {  // of a size that no memory can have
    return end(error, HALLWAY_OUT_OF_MEMORY);
  } catch (const std::system_error& stopped) {  // Loop::run(Task)
    return guarded(error,
                   [&] { return fail(error, Error{stopped.code(), "use", "the loop", {}, {}}); });
  }
}

Ending::Ending(hallway_outcome outcome) noexcept : outcome_(outcome) {
  if (outcome != HALLWAY_OK) end(&error_, outcome);
}

std::vector<Descriptor> adopt(const int* descriptors, std::size_t count) {
  const std::span numbers(descriptors, count);
  std::vector<Descriptor> adopted;
  try {
    adopted.reserve(count);
  } catch (const std::bad_alloc&) {
    for (const int number : numbers) Descriptor::adopt(number).close();
    throw;
  }
  for (const int number : numbers) adopted.push_back(Descriptor::adopt(number));
  return adopted;
}

std::size_t take(std::span<Descriptor> from, int* descriptors, std::size_t room) noexcept {
  std::size_t count = 0;
  for (Descriptor& descriptor : from) {
    if (count == room) break;
    if (descriptor.holds_one()) descriptors[count++] = descriptor.release();
  }
  return count;
}

}  // namespace hallway::c

using namespace hallway;     // NOLINT(google-build-using-namespace): functions of C are global
using namespace hallway::c;  // NOLINT(google-build-using-namespace)

uint32_t hallway_abi_version(void) { return HALLWAY_ABI_VERSION; }
const char* hallway_version(void) { return hallway::version; }

const char* hallway_outcome_text(hallway_outcome outcome) {
  if (outcome == HALLWAY_OUT_OF_MEMORY) return "out of memory";
  if (outcome < 0 || outcome > HALLWAY_OUT_OF_MEMORY) return "unknown outcome";
  return to_string(static_cast<Outcome>(outcome)).data();  // of a literal
}

hallway_view hallway_text(const char* text) {
  return text == nullptr ? hallway_view{} : view_of(text);
}

void hallway_error_free(hallway_error* error) {
  if (error != nullptr && error->texts) delete error;
}

int hallway_error_code(const hallway_error* error) {
  assert(error != nullptr);
  return error->code;
}
const char* hallway_error_operation(const hallway_error* error) {
  assert(error != nullptr);
  return error->operation;
}
const char* hallway_error_subject(const hallway_error* error) {
  assert(error != nullptr);
  return error->texts ? error->texts->error.subject.c_str() : "";
}
const char* hallway_error_reason(const hallway_error* error) {
  assert(error != nullptr);
  return error->reason;
}
const char* hallway_error_hint(const hallway_error* error) {
  assert(error != nullptr);
  return error->texts ? error->texts->error.hint.c_str() : "";
}
const char* hallway_error_explain(const hallway_error* error) {
  assert(error != nullptr);
  return error->sentence;
}

int hallway_report(hallway_error* error) {
  if (error == nullptr) return 1;
  std::fputs(error->sentence, stderr);
  std::fputc('\n', stderr);
  if (error->texts && !error->texts->error.hint.empty()) {
    std::fputs("hint: ", stderr);
    std::fputs(error->texts->error.hint.c_str(), stderr);
    std::fputc('\n', stderr);
  }
  hallway_error_free(error);
  return 1;
}
