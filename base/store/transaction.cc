#include "base/store/transaction.h"

#include "base/store/schema.h"

namespace sluice::store {

void Transaction::write(size_t collection, const std::string& id, const void* value) {
  RowWrite row{std::nullopt, revision_};
  if (value != nullptr) {
    auto text = schema_.encode(collection, value);
    if (!text && !error_) {
      error_ = text.error();
      error_->message = fmt::format("{} {}: {}", schema_.name(collection), id, error_->message);
    }
    row.text = text.value_or("");
  }
  writes_.insert_or_assign({collection, id}, std::move(row));
}

void Transaction::replace(size_t collection, std::shared_ptr<const AnyTable> table) {
  auto content = std::make_shared<Snapshot::Content>(*view_.content_);
  content->revision = revision_;
  content->tables.at(collection) = std::move(table);
  passed_.push_back(std::move(view_));
  view_ = Snapshot(std::move(content));
}

}  // namespace sluice::store
