//! The migrations that `codegen/tests/golden/migration` asks for.

use eventwright_wire::{DecodeError, Migrate};

use crate::migration::{fare_quoted, seat_taken};

impl Migrate<fare_quoted::v1::FareQuoted> for fare_quoted::v2::FareQuoted {
    fn migrate(old: fare_quoted::v1::FareQuoted) -> Result<Self, DecodeError> {
        let cents = old.fare.replace('.', "").parse().map_err(|_| DecodeError::migration("the fare is no number"))?;
        Ok(Self { trip: old.trip, cents })
    }
}

impl Migrate<fare_quoted::v3::FareQuoted> for fare_quoted::v4::FareQuoted {
    fn migrate(old: fare_quoted::v3::FareQuoted) -> Result<Self, DecodeError> {
        let trip = old.trip.parse().map_err(|_| DecodeError::migration("the trip is no number"))?;
        Ok(Self { trip, cents: old.cents, currency: old.currency })
    }
}

impl Migrate<seat_taken::v1::SeatTaken> for seat_taken::v2::SeatTaken {
    fn migrate(old: seat_taken::v1::SeatTaken) -> Result<Self, DecodeError> {
        let at = old.seat.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(old.seat.len());
        let (row, letter) = old.seat.split_at(at);
        let row = row.parse().map_err(|_| DecodeError::migration("the seat has no row"))?;
        Ok(Self { row, letter: letter.to_owned() })
    }
}
