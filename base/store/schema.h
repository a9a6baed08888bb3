// Which collections a store has, how their values become JSON and back, and how the files of older
// versions become these.
//
// A module declares what it keeps beside the types, and the program that opens the store calls all
// of them:
//
//   struct Records {
//     store::Collection<Service> services;
//     static Records add_to(store::Schema& schema) {
//       return {schema.add<Service>("service", service_to_json, service_from_json)};
//     }
//   };
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/store/collection.h"
#include "base/store/sqlite.h"

namespace sluice::store {

class Schema {
 public:
  // A collection called `name` (letters, digits and "_"; not yet in this schema). What to_json
  // makes, from_json must read, in all versions to come: members that are new since are optional.
  template <typename T>
  Collection<T> add(std::string name, nlohmann::json (*to_json)(const T&),
                    Result<T> (*from_json)(const nlohmann::json&)) {
    Entry entry;
    entry.name = std::move(name);
    entry.encode = [to_json](const void* value) {
      return to_json(*static_cast<const T*>(value)).dump();
    };
    entry.empty = [] { return std::make_shared<Table<T>>(); };
    entry.insert = [from_json](AnyTable& table, std::string id, uint64_t revision,
                               const nlohmann::json& json) -> Result<void> {
      auto value = from_json(json);
      if (!value) return std::unexpected(value.error());
      auto& rows = static_cast<Table<T>&>(table).rows;
      rows = rows.with(std::move(id), Stored<T>{std::move(*value), revision});
      return {};
    };
    entries_.push_back(std::move(entry));
    return Collection<T>(entries_.size() - 1);
  }

  // Brings a file from the present version to the next, within a transaction. Version 1 is that
  // without steps; a step is never changed once released. For other changes than those that
  // from_json can cope with. Tables of collections do not exist yet unless an older version made
  // them; create_table_sql() makes them.
  using Step = std::function<Result<void>(Database&)>;
  void add_step(Step step) { steps_.push_back(std::move(step)); }
  static std::string create_table_sql(std::string_view collection);

 private:
  friend class Store;
  friend class Transaction;
  friend Result<void> prepare_file(Database& db, const Schema& schema, const std::string& path);

  struct Entry {
    std::string name;
    std::function<std::string(const void* value)> encode;  // may throw, as nlohmann does
    std::function<std::shared_ptr<AnyTable>()> empty;
    std::function<Result<void>(AnyTable& table, std::string id, uint64_t revision,
                               const nlohmann::json& value)>
        insert;
  };

  Result<std::string> encode(size_t collection, const void* value) const;
  const std::string& name(size_t collection) const { return entries_.at(collection).name; }
  // All rows of the collection. The error names the one that does not read.
  Result<std::shared_ptr<const AnyTable>> load(Database& db, const Entry& entry) const;
  Result<void> check_names() const;

  std::vector<Entry> entries_;
  std::vector<Step> steps_;
};

}  // namespace sluice::store
