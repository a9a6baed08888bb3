// An ordered map from ids to values that never changes: with() and without() make another one that
// shares all but O(log n) nodes with it. Copies are a pointer; several threads may read one.
//
// A weight-balanced tree (Adams; the parameters 3 and 2 of Hirai and Yamamoto), so that no choice
// of ids, which come from outside, makes it deep.
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::store {

template <typename T>
class PersistentMap {
 public:
  using value_type = std::pair<const std::string, T>;

 private:
  struct Node;
  using Tree = std::shared_ptr<const Node>;
  struct Node {
    std::shared_ptr<const value_type> entry;  // shared by all maps that have it unchanged
    Tree left;
    Tree right;
    size_t size;
  };

 public:
  PersistentMap() = default;

  // In the order of the ids. Valid as long as a map with these entries lives.
  class const_iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = PersistentMap::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = const value_type&;

    const_iterator() = default;
    reference operator*() const { return *path_.back()->entry; }
    pointer operator->() const { return path_.back()->entry.get(); }
    const_iterator& operator++() {
      const auto* node = path_.back();
      path_.pop_back();
      descend(node->right.get());
      return *this;
    }
    const_iterator operator++(int) {
      auto out = *this;
      ++*this;
      return out;
    }
    bool operator==(const const_iterator& other) const {
      if (path_.empty() || other.path_.empty()) return path_.empty() == other.path_.empty();
      return path_.back() == other.path_.back();
    }

   private:
    friend class PersistentMap;
    void descend(const Node* node) {
      for (; node != nullptr; node = node->left.get()) path_.push_back(node);
    }
    std::vector<const Node*> path_;  // the nodes still to visit themselves, the next one last
  };

  size_t size() const { return size_of(root_); }
  bool empty() const { return !root_; }

  // The value, or null. Valid as long as a map with this entry lives.
  const T* find(std::string_view id) const {
    const auto* node = root_.get();
    while (node != nullptr) {
      const int order = id.compare(node->entry->first);
      if (order == 0) return &node->entry->second;
      node = order < 0 ? node->left.get() : node->right.get();
    }
    return nullptr;
  }
  bool contains(std::string_view id) const { return find(id) != nullptr; }

  const_iterator begin() const {
    const_iterator out;
    out.descend(root_.get());
    return out;
  }
  const_iterator end() const { return {}; }

  // The first entry whose id is not below `id`.
  const_iterator lower_bound(std::string_view id) const {
    const_iterator out;
    const auto* node = root_.get();
    while (node != nullptr) {
      if (id <= node->entry->first) {
        out.path_.push_back(node);
        node = node->left.get();
      } else {
        node = node->right.get();
      }
    }
    return out;
  }

  // The first entry whose id is above `id`.
  const_iterator upper_bound(std::string_view id) const {
    auto out = lower_bound(id);
    if (out != end() && out->first == id) ++out;
    return out;
  }

  // This map with `id` set to `value`, whether or not it was there.
  PersistentMap with(std::string id, T value) const {
    return PersistentMap(
        insert(root_, std::make_shared<const value_type>(std::move(id), std::move(value))));
  }
  // This map without `id`; itself when it has none.
  PersistentMap without(std::string_view id) const {
    return contains(id) ? PersistentMap(remove(root_, id)) : *this;
  }

  // Calls visit(id, const T* before, const T* after) for every entry that was added (null before),
  // removed (null after) or set, in the order of ids. What both maps share is skipped unseen, so
  // that this takes time in proportion to the changes between the two.
  template <typename Visit>
  static void for_each_difference(const PersistentMap& before, const PersistentMap& after,
                                  Visit visit);

  // Whether sizes and order are as the tree promises; for tests.
  bool is_sound() const { return is_sound(root_); }

 private:
  explicit PersistentMap(Tree root) : root_(std::move(root)) {}

  static size_t size_of(const Tree& tree) { return tree ? tree->size : 0; }
  static size_t weight(const Tree& tree) { return size_of(tree) + 1; }
  static Tree make(std::shared_ptr<const value_type> entry, Tree left, Tree right) {
    const size_t size = size_of(left) + size_of(right) + 1;
    return std::make_shared<const Node>(
        Node{std::move(entry), std::move(left), std::move(right), size});
  }

  // A node of subtrees of which one may have become too heavy by one entry.
  static constexpr size_t kDelta = 3;
  static constexpr size_t kGamma = 2;
  static Tree balance(std::shared_ptr<const value_type> entry, Tree left, Tree right) {
    if (weight(right) > kDelta * weight(left)) {
      if (weight(right->left) < kGamma * weight(right->right)) {
        return make(right->entry, make(std::move(entry), std::move(left), right->left),
                    right->right);
      }
      const auto& middle = right->left;
      return make(middle->entry, make(std::move(entry), std::move(left), middle->left),
                  make(right->entry, middle->right, right->right));
    }
    if (weight(left) > kDelta * weight(right)) {
      if (weight(left->right) < kGamma * weight(left->left)) {
        return make(left->entry, left->left, make(std::move(entry), left->right, std::move(right)));
      }
      const auto& middle = left->right;
      return make(middle->entry, make(left->entry, left->left, middle->left),
                  make(std::move(entry), middle->right, std::move(right)));
    }
    return make(std::move(entry), std::move(left), std::move(right));
  }

  static Tree insert(const Tree& tree, std::shared_ptr<const value_type> entry) {
    if (!tree) return make(std::move(entry), nullptr, nullptr);
    const int order = entry->first.compare(tree->entry->first);
    if (order == 0) return make(std::move(entry), tree->left, tree->right);
    if (order < 0) return balance(tree->entry, insert(tree->left, std::move(entry)), tree->right);
    return balance(tree->entry, tree->left, insert(tree->right, std::move(entry)));
  }

  static Tree remove(const Tree& tree, std::string_view id) {  // which is there
    const int order = id.compare(tree->entry->first);
    if (order < 0) return balance(tree->entry, remove(tree->left, id), tree->right);
    if (order > 0) return balance(tree->entry, tree->left, remove(tree->right, id));
    if (!tree->left) return tree->right;
    if (!tree->right) return tree->left;
    const auto* next = tree->right.get();
    while (next->left) next = next->left.get();
    return balance(next->entry, tree->left, remove_first(tree->right));
  }
  static Tree remove_first(const Tree& tree) {
    if (!tree->left) return tree->right;
    return balance(tree->entry, remove_first(tree->left), tree->right);
  }

  static bool is_sound(const Tree& tree) {
    if (!tree) return true;
    const auto& [entry, left, right, size] = *tree;
    return size == size_of(left) + size_of(right) + 1 && weight(left) <= kDelta * weight(right) &&
           weight(right) <= kDelta * weight(left) && (!left || left->entry->first < entry->first) &&
           (!right || entry->first < right->entry->first) && is_sound(left) && is_sound(right);
  }

  // What of a map is still to be compared: a subtree, or (whole == false) the entry of its root.
  struct Rest {
    const Node* node;
    bool whole;
  };
  using Rests = std::vector<Rest>;  // the next one last
  static Rests rest_of(const Tree& root) { return root ? Rests{{root.get(), true}} : Rests{}; }
  static void expand(Rests& rests) {
    const auto* node = rests.back().node;
    rests.pop_back();
    if (node->right) rests.push_back({node->right.get(), true});
    rests.push_back({node, false});
    if (node->left) rests.push_back({node->left.get(), true});
  }

  Tree root_;
};

template <typename T>
template <typename Visit>
void PersistentMap<T>::for_each_difference(const PersistentMap& before, const PersistentMap& after,
                                           Visit visit) {
  auto old = rest_of(before.root_);
  auto now = rest_of(after.root_);
  // 0: nothing left; 1: an entry; more: a subtree, the larger the more.
  const auto rank = [](const Rests& rests) -> size_t {
    if (rests.empty()) return 0;
    return rests.back().whole ? 1 + rests.back().node->size : 1;
  };
  while (!old.empty() || !now.empty()) {
    const size_t old_rank = rank(old);
    const size_t now_rank = rank(now);
    if (old_rank > 1 && old_rank == now_rank && old.back().node == now.back().node) {
      old.pop_back();  // the same subtree at the same place
      now.pop_back();
    } else if (old_rank > 1 && old_rank >= now_rank) {
      expand(old);
    } else if (now_rank > 1) {
      expand(now);
    } else {  // an entry or nothing on either side
      const auto* was = old.empty() ? nullptr : old.back().node->entry.get();
      const auto* is = now.empty() ? nullptr : now.back().node->entry.get();
      const int order = was == nullptr ? 1 : is == nullptr ? -1 : was->first.compare(is->first);
      if (order <= 0) old.pop_back();
      if (order >= 0) now.pop_back();
      if (order < 0) {
        visit(was->first, &was->second, static_cast<const T*>(nullptr));
      } else if (order > 0) {
        visit(is->first, static_cast<const T*>(nullptr), &is->second);
      } else if (was != is) {
        visit(is->first, &was->second, &is->second);
      }
    }
  }
}

}  // namespace sluice::store
