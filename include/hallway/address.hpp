// SPDX-License-Identifier: Apache-2.0
// Layer: net
//
// Where a socket is found. Everybody's spelling is read, one form is printed:
//
//   /p  ./p  p  unix:/p  unix:///p              a path, printed "unix:/p"
//   @n  abstract:n  unix-abstract:n             an abstract name, printed "abstract:n"
//   autobind                                    the kernel picks an abstract name (bind only)
//   fd:3                                        a descriptor this process inherited
//   activation  activation:NAME                 a socket handed over by LISTEN_FDS
//   exec:PROGRAM ARGS                           a child at the other end of a socket pair
//
// A file really named "@x" is "./@x". Paths may have any length the file system takes; how the
// kernel's 107 bytes are got round is the business of bind and connect.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/error.hpp>
#include <hallway/export.hpp>

namespace hallway {

/// An address: a value. Thread: any.
class HALLWAY_EXPORT Address {
 public:
  enum class Kind : std::uint8_t {
    unnamed,  ///< no address: a socket nobody bound, and every accepted client's
    path,
    abstract,
    autobind,
    descriptor,
    activation,
    exec,
  };

  Address() noexcept = default;

  /// Reads any of the spellings above.
  /// @errors invalid_argument: empty, a NUL byte in a path (the kernel would cut it there), an
  ///         unknown scheme, a descriptor that is no number. filename_too_long: an abstract name
  ///         over 107 bytes.
  static Result<Address> parse(std::string_view text);

  /// An abstract name; any bytes, NUL too, 1 to 107 of them.
  static Result<Address> abstract(std::string_view name);
  static Result<Address> path(std::string_view path);
  static Address autobind();

  [[nodiscard]] Kind kind() const noexcept { return kind_; }

  /// The path, the abstract name without "@", the activation name, or the command line.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// Kind::descriptor only: its number.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

  /// Kind::exec only: program and arguments, split at blanks.
  [[nodiscard]] std::vector<std::string> command() const;

  /// The one printed form, for people; its name is made printable() (bytes.hpp).
  [[nodiscard]] std::string to_string() const;

  /// The same form, for programs: the name stays as it is, whatever bytes it has, and parse() reads
  /// the address back. What carries it, JSON for example, has to escape it.
  [[nodiscard]] std::string unescaped() const;

  friend bool operator==(const Address&, const Address&) noexcept = default;

 private:
  Address(Kind kind, std::string name, int descriptor = -1)
      : kind_(kind), descriptor_(descriptor), name_(std::move(name)) {}

  Kind kind_ = Kind::unnamed;
  int descriptor_ = -1;
  std::string name_;
};

/// What functions take where an address is wanted: an Address, or text that is parsed. A text
/// that cannot be parsed is reported by the function it was given to.
class HALLWAY_EXPORT AddressSpec {
 public:
  // NOLINTBEGIN(google-explicit-constructor,hicpp-explicit-conversions): it exists to convert
  AddressSpec(Address address) : address_(std::move(address)) {}
  AddressSpec(std::string_view text) : address_(Address::parse(text)) {}
  AddressSpec(const std::string& text) : address_(Address::parse(text)) {}
  AddressSpec(const char* text) : address_(Address::parse(text)) {}
  // NOLINTEND(google-explicit-constructor,hicpp-explicit-conversions)

  [[nodiscard]] const Result<Address>& get() const noexcept { return address_; }

 private:
  Result<Address> address_;
};

}  // namespace hallway
