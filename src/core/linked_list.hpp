// SPDX-License-Identifier: Apache-2.0
//
// Intrusive lists: the links are in the elements. Joining or leaving a list never allocates, so it
// is possible in a destructor and when memory is exhausted.
#pragma once

namespace hallway::core {

template <typename T>
class LinkedList;

/// The base class of an element. An element is in at most one list, and its destructor unlinks it.
template <typename T>
class Linked {
 public:
  Linked& operator=(const Linked&) = delete;

  [[nodiscard]] bool linked() const noexcept { return next_ != nullptr; }

  void unlink() noexcept {
    if (!linked()) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  friend T;
  friend class LinkedList<T>;
  Linked() noexcept = default;
  Linked(const Linked&) = delete;
  ~Linked() { unlink(); }

  Linked* previous_ = nullptr;
  Linked* next_ = nullptr;
};

/// A FIFO list. It does not own its elements.
template <typename T>
class LinkedList {
 public:
  LinkedList() noexcept { ends_.previous_ = ends_.next_ = &ends_; }
  LinkedList(const LinkedList&) = delete;
  LinkedList& operator=(const LinkedList&) = delete;
  ~LinkedList() {
    while (pop_front() != nullptr) {
    }
    ends_.next_ = nullptr;
  }

  [[nodiscard]] bool empty() const noexcept { return ends_.next_ == &ends_; }

  /// Moves `element` here from the list it is in, if any.
  void push_back(Linked<T>& element) noexcept {
    element.unlink();
    element.previous_ = ends_.previous_;
    element.next_ = &ends_;
    ends_.previous_->next_ = &element;
    ends_.previous_ = &element;
  }

  /// Removes and returns the oldest element; nullptr if the list is empty.
  T* pop_front() noexcept {
    if (empty()) return nullptr;
    Linked<T>* first = ends_.next_;
    // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDelete): the destructor of an element unlinks it
    first->unlink();
    return static_cast<T*>(first);
  }

  /// Moves everything to the end of `other`.
  void move_to(LinkedList& other) noexcept {
    if (empty()) return;
    Linked<T>* first = ends_.next_;
    Linked<T>* last = ends_.previous_;
    ends_.previous_ = ends_.next_ = &ends_;
    first->previous_ = other.ends_.previous_;
    last->next_ = &other.ends_;
    first->previous_->next_ = first;
    other.ends_.previous_ = last;
  }

  /// `action` does not change the list.
  template <typename Action>
  void for_each(Action action) const {
    for (const Linked<T>* at = ends_.next_; at != &ends_; at = at->next_) {
      action(*static_cast<const T*>(at));
    }
  }

  template <typename Predicate>
  [[nodiscard]] bool any_of(Predicate predicate) const {
    for (const Linked<T>* at = ends_.next_; at != &ends_; at = at->next_) {
      if (predicate(*static_cast<const T*>(at))) return true;
    }
    return false;
  }

 private:
  Linked<T> ends_;
};

}  // namespace hallway::core
