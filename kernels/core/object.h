// Object: base class of everything that a handle refers to.
#pragma once

namespace aerie {

struct Object {
    virtual ~Object() = default;
};

}  // namespace aerie
