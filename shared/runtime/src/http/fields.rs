//! How fields of a JSON body are read, for `#[serde(deserialize_with = …)]`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// Reads an object. Without it, serde also accepts an array with the fields in order.
///
/// # Errors
/// The value is not an object, or one of its fields is invalid.
pub fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            // The messages for clients say "an object".
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(Object(PhantomData))
}

/// Reads an object or `null`.
///
/// # Errors
/// The value is neither, or one of its fields is invalid.
pub fn optional_object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::<One<T>>::deserialize(deserializer)?.map(|One(object)| object))
}

/// A value that is read with [`object`].
struct One<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for One<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer).map(Self)
    }
}

/// Reads an array of objects. Without it, serde also accepts an array with the fields of each one in order.
///
/// # Errors
/// The value is not an array of objects, or a field of one is invalid.
pub fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let read = Vec::<One<T>>::deserialize(deserializer)?;
    Ok(read.into_iter().map(|One(object)| object).collect())
}

/// Reads a whole number, also if it is written as `15.0`: JSON has one type of numbers.
///
/// # Errors
/// The value is not a number, or does not fit into `T`.
pub fn whole<'de, T: TryFrom<u64>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Whole(PhantomData))
}

/// Reads a whole number as [`whole`] does, or `null`.
///
/// # Errors
/// The value is neither `null` nor a number that fits into `T`.
pub fn optional_whole<'de, T: TryFrom<u64>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    struct Optional<T>(PhantomData<T>);

    impl<'de, T: TryFrom<u64>> Visitor<'de> for Optional<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            Whole::<T>(PhantomData).expecting(f)
        }

        fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
            Ok(None)
        }

        fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
            whole(deserializer).map(Some)
        }
    }

    deserializer.deserialize_option(Optional(PhantomData))
}

struct Whole<T>(PhantomData<T>);

impl<T: TryFrom<u64>> Visitor<'_> for Whole<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The messages for clients name this type in words.
        f.write_str(std::any::type_name::<T>())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        // Above this, a float does not tell whole numbers apart.
        const LARGEST: f64 = 9_007_199_254_740_992.0;
        match number.fract() == 0.0 && (0.0..=LARGEST).contains(&number) {
            // Exact, because the number is whole and in range.
            true => self.visit_u64(number as u64),
            false => Err(E::invalid_type(Unexpected::Float(number), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Body {
        #[serde(default, deserialize_with = "optional_whole")]
        limit: Option<u8>,
        #[serde(default, deserialize_with = "object")]
        inner: Inner,
        #[serde(default, deserialize_with = "whole")]
        bytes: u64,
        #[serde(default, deserialize_with = "objects")]
        several: Vec<Inner>,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        a: Option<u8>,
    }

    fn read(text: &str) -> Result<Body, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn whole_numbers_may_have_a_zero_fraction() {
        let numbers = |text| read(text).map(|body| (body.limit, body.bytes)).ok();
        assert_eq!(numbers(r#"{"limit": 15.0, "bytes": 4e3}"#), Some((Some(15), 4_000)));
        assert_eq!(numbers(r#"{"limit": null, "bytes": 7}"#), Some((None, 7)));
        assert_eq!(numbers("{}"), Some((None, 0)));
        for refused in ["15.5", "256", "-1", "-0.5", "1e300", "\"15\"", "[]", "true"] {
            let error = read(&format!(r#"{{"limit": {refused}}}"#)).expect_err(refused);
            assert!(error.contains("expected u8"), "{refused}: {error}");
        }
        assert!(read(r#"{"bytes": null}"#).is_err());
    }

    #[test]
    fn object_is_no_array() {
        assert_eq!(read(r#"{"inner": {"a": 1}}"#).map(|body| body.inner), Ok(Inner { a: Some(1) }));
        for refused in ["[null]", "[]", "null", "7"] {
            let error = read(&format!(r#"{{"inner": {refused}}}"#)).expect_err(refused);
            assert!(error.contains("expected a map"), "{refused}: {error}");
        }
        assert!(read(r#"{"inner": {"b": 1}}"#).is_err(), "unknown fields are still refused");
        let several = read(r#"{"several": [{"a": 1}, {}]}"#).map(|body| body.several);
        assert_eq!(several, Ok(vec![Inner { a: Some(1) }, Inner { a: None }]));
        for refused in ["[[null]]", "[{}, []]", "{}", "null", "[7]"] {
            assert!(read(&format!(r#"{{"several": {refused}}}"#)).is_err(), "{refused}");
        }
    }
}
