// SPDX-License-Identifier: Apache-2.0
#include "hub/server/retained_transfer.hpp"

#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "sys/file.hpp"
#include "sys/memory_file.hpp"

namespace hallway::hub {

namespace {

// Records are written and read in pieces of about this size.
constexpr std::size_t bytes_per_piece = 256 * kibibyte;

}  // namespace

// The hub that is taken over ---------------------------------------------------------------------

Descriptor RetainedExport::begin(const RetainedValues& values) {
  end();
  size_ = 0;
  added_ = 0;
  auto file = sys::make_memory_file("hallway-retained");
  if (!file) return {};
  file_ = std::move(*file);
  std::string bytes(retained_records_begin);
  for (const RetainedValues::Ref ref : values.all()) {
    const RetainedValue& value = *values.find(ref);
    append_record({.subject = value.subject,
                   .header = value.header(),
                   .payload = value.payload(),
                   .uid = value.uid,
                   .published = value.published},
                  bytes);
    if (bytes.size() < bytes_per_piece) continue;
    if (!write(bytes)) return {};
    bytes.clear();
  }
  if (!write(bytes)) return {};
  auto for_successor = sys::duplicate(file_.get());
  if (!for_successor) {
    file_.close();
    return {};
  }
  return std::move(*for_successor);
}

void RetainedExport::add(const RetainableMessage& message, Loop::Clock::time_point now) noexcept {
  try {
    std::string bytes;
    append_record({.subject = message.subject,
                   .header = message.header,
                   .payload = message.payload,
                   .uid = message.uid,
                   .published = now},
                  bytes);
    added_ += bytes.size();
    if (added_ > max_added_bytes) return end();
    (void)write(bytes);
  } catch (const std::bad_alloc&) {
    end();
  }
}

/// If that fails, the file is given up: a record that is missing must not be followed by others.
bool RetainedExport::write(const std::string& bytes) {
  if (!sys::write_at(file_.get(), bytes, size_)) {
    file_.close();
    return false;
  }
  size_ += bytes.size();
  return true;
}

void RetainedExport::end() noexcept {
  if (!active()) return;
  try {
    std::string bytes;
    append_record({}, bytes);
    (void)write(bytes);
  } catch (const std::bad_alloc&) {
    // The successor looks for it until its time is up.
  }
  file_.close();
}

// The successor ----------------------------------------------------------------------------------

void RetainedImport::begin(Descriptor file) {
  file_ = std::move(file);
  offset_ = 0;
  reader_ = {};
  until_ = Loop::Clock::now() + longest;
  read_all();
}

void RetainedImport::fire() {
  try {
    read_all();
  } catch (const std::bad_alloc&) {
    file_.close();  // what it has read stays
  }
}

void RetainedImport::read_all() {
  std::string bytes(bytes_per_piece, '\0');
  while (true) {
    const auto size = sys::read_at(file_.get(), bytes.data(), bytes.size(), offset_);
    if (!size) return file_.close();
    if (*size == 0) break;
    offset_ += *size;
    until_ = Loop::Clock::now() + longest;
    reader_.arrive(ByteView(bytes).substr(0, *size));
    while (const std::optional<RetainedRecord> record = reader_.next()) on_record_(*record);
    if (!reader_.valid() || reader_.ended()) return file_.close();
  }
  if (Loop::Clock::now() >= until_) return file_.close();
  start_after(core_, pause);
}

}  // namespace hallway::hub
