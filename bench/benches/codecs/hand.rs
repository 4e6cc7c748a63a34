//! Codecs of the two orders written by hand, straight line by line: the measure of what generated code can reach.
//!
//! `FAST` chooses between what std offers (its UTF-8 check, its copies) and the same with an ASCII check and small copies
//! in line. They check what ours check, but say neither which field was wrong nor why.
#![expect(unsafe_code, reason = "the measure of what is possible writes through a pointer")]

use std::collections::BTreeMap;

use eventwright_wire::avro::BorrowedMap;

use crate::events::plain_order;
use plain_order::v1::OrderCreated as OrderV1;
use plain_order::v2::{Address, AddressRef, Currency, Item, ItemRef, OrderCreated as OrderV2, OrderCreatedRef, Status};

/// Bytes that are not what the schema writes.
#[derive(Debug)]
pub(crate) struct Bad;

type Read<T> = Result<T, Bad>;

/// How many items are allocated ahead of reading them.
const MAX_RESERVED: usize = 1024;

struct Input<'a, const FAST: bool> {
    bytes: &'a [u8],
}

impl<'a, const FAST: bool> Input<'a, FAST> {
    #[inline(always)]
    fn varint(&mut self) -> Read<u64> {
        match self.bytes {
            [a, rest @ ..] if *a < 0x80 => {
                self.bytes = rest;
                Ok(u64::from(*a))
            }
            [a, b, rest @ ..] if *b < 0x80 => {
                self.bytes = rest;
                Ok(u64::from(*a & 0x7f) | u64::from(*b) << 7)
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Read<u64> {
        let mut value = 0;
        for (index, &byte) in self.bytes.iter().enumerate().take(10) {
            if index == 9 && byte > 1 {
                return Err(Bad);
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.bytes = self.bytes.get(index + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(Bad)
    }

    #[inline(always)]
    fn long(&mut self) -> Read<i64> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg())
    }

    #[inline(always)]
    fn int(&mut self) -> Read<i32> {
        i32::try_from(self.long()?).map_err(|_| Bad)
    }

    #[inline(always)]
    fn double(&mut self) -> Read<f64> {
        let (bytes, rest) = self.bytes.split_first_chunk().ok_or(Bad)?;
        self.bytes = rest;
        Ok(f64::from_le_bytes(*bytes))
    }

    #[inline(always)]
    fn bytes(&mut self) -> Read<&'a [u8]> {
        let length = usize::try_from(self.long()?).map_err(|_| Bad)?;
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(Bad)?;
        self.bytes = rest;
        Ok(taken)
    }

    #[inline(always)]
    fn str(&mut self) -> Read<&'a str> {
        let bytes = self.bytes()?;
        if FAST && is_ascii(bytes) {
            // SAFETY: ASCII is UTF-8.
            return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
        }
        std::str::from_utf8(bytes).map_err(|_| Bad)
    }

    #[inline(always)]
    fn string(&mut self) -> Read<String> {
        self.str().map(str::to_owned)
    }

    #[inline(always)]
    fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        match self.long()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Bad),
        }
    }

    /// Returns how many items follow, 0 at the end.
    #[inline(always)]
    fn block(&mut self, min_size: usize) -> Read<usize> {
        let count = self.long()?;
        if count < 0 {
            let size = usize::try_from(self.long()?).map_err(|_| Bad)?;
            if size > self.bytes.len() {
                return Err(Bad);
            }
        }
        let count = usize::try_from(count.unsigned_abs()).map_err(|_| Bad)?;
        if count > self.bytes.len() / min_size { Err(Bad) } else { Ok(count) }
    }

    #[inline(always)]
    fn list<T>(&mut self, min_size: usize, mut item: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let mut items = Vec::new();
        loop {
            let count = self.block(min_size)?;
            if count == 0 {
                return Ok(items);
            }
            items.reserve_exact(count.min(MAX_RESERVED));
            for _ in 0..count {
                items.push(item(self)?);
            }
        }
    }

    #[inline(always)]
    fn map(&mut self) -> Read<BTreeMap<String, String>> {
        let mut entries = BTreeMap::new();
        loop {
            let count = self.block(2)?;
            if count == 0 {
                return Ok(entries);
            }
            for _ in 0..count {
                entries.insert(self.string()?, self.string()?);
            }
        }
    }

    #[inline(always)]
    fn currency(&mut self) -> Read<Currency> {
        match self.long()? {
            0 => Ok(Currency::Eur),
            1 => Ok(Currency::Usd),
            2 => Ok(Currency::Gbp),
            _ => Err(Bad),
        }
    }

    #[inline(always)]
    fn status(&mut self) -> Read<Status> {
        match self.long()? {
            0 => Ok(Status::New),
            1 => Ok(Status::Paid),
            2 => Ok(Status::Shipped),
            3 => Ok(Status::Cancelled),
            _ => Err(Bad),
        }
    }

    #[inline(always)]
    fn v1(&mut self) -> Read<OrderV1> {
        Ok(OrderV1 {
            order_id: self.string()?,
            customer_id: self.string()?,
            amount: self.double()?,
            currency: self.currency()?,
            created_at: self.long()?,
        })
    }

    #[inline(always)]
    fn item(&mut self) -> Read<Item> {
        Ok(Item { sku: self.string()?, quantity: self.int()?, unit_price_cents: self.long()? })
    }

    #[inline(always)]
    fn address(&mut self) -> Read<Address> {
        Ok(Address {
            street: self.string()?,
            city: self.string()?,
            region: self.string()?,
            postal_code: self.string()?,
            country: self.string()?,
        })
    }

    #[inline(always)]
    fn skip_list(&mut self, min_size: usize, mut item: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        loop {
            let count = self.block(min_size)?;
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count {
                item(self)?;
            }
        }
    }

    #[inline(always)]
    fn skip_optional(&mut self) -> Read<()> {
        match self.long()? {
            0 => Ok(()),
            1 => self.bytes().map(drop),
            _ => Err(Bad),
        }
    }

    #[inline(always)]
    fn skip_tail_of_v2(&mut self) -> Read<()> {
        self.skip_list(3, |input| {
            input.bytes()?;
            input.long()?;
            input.long().map(drop)
        })?;
        self.skip_optional()?;
        self.skip_list(2, |input| {
            input.bytes()?;
            input.bytes().map(drop)
        })?;
        for _ in 0..6 {
            self.bytes()?;
        }
        self.status()?;
        self.skip_list(1, |input| input.bytes().map(drop))?;
        self.skip_optional()
    }
}

/// Reads an order that version 2 wrote.
pub(crate) fn decode_v2<const FAST: bool>(bytes: &[u8]) -> Read<OrderV2> {
    let input = &mut Input::<FAST> { bytes };
    Ok(OrderV2 {
        order_id: input.string()?,
        customer_id: input.string()?,
        amount: input.double()?,
        currency: input.currency()?,
        created_at: input.long()?,
        items: input.list(3, Input::item)?,
        discount_code: input.optional(Input::string)?,
        attributes: input.map()?,
        address: input.address()?,
        total: input.bytes()?.to_vec(),
        status: input.status()?,
        tags: input.list(1, Input::string)?,
        correlation_id: input.optional(Input::string)?,
    })
}

/// Reads an order that version 2 wrote, borrowing from the bytes; the map is sorted, as ours is.
pub(crate) fn decode_v2_ref<const FAST: bool>(bytes: &[u8]) -> Read<OrderCreatedRef<'_>> {
    let input = &mut Input::<FAST> { bytes };
    Ok(OrderCreatedRef {
        order_id: input.str()?,
        customer_id: input.str()?,
        amount: input.double()?,
        currency: input.currency()?,
        created_at: input.long()?,
        items: input.list(3, |input| {
            Ok(ItemRef { sku: input.str()?, quantity: input.int()?, unit_price_cents: input.long()? })
        })?,
        discount_code: input.optional(Input::str)?,
        attributes: BorrowedMap::from(input.list(2, |input| Ok((input.str()?, input.str()?)))?),
        address: AddressRef {
            street: input.str()?,
            city: input.str()?,
            region: input.str()?,
            postal_code: input.str()?,
            country: input.str()?,
        },
        total: input.bytes()?,
        status: input.status()?,
        tags: input.list(1, Input::str)?,
        correlation_id: input.optional(Input::str)?,
    })
}

/// Reads an order of version 1 for a reader of version 2.
pub(crate) fn decode_v1_as_v2<const FAST: bool>(bytes: &[u8]) -> Read<OrderV2> {
    let order = Input::<FAST> { bytes }.v1()?;
    Ok(OrderV2 {
        order_id: order.order_id,
        customer_id: order.customer_id,
        amount: order.amount,
        currency: order.currency,
        created_at: order.created_at,
        items: Vec::new(),
        discount_code: None,
        attributes: BTreeMap::new(),
        address: Address::new(String::new(), String::new(), String::new(), String::new(), String::new()),
        total: vec![0],
        status: Status::New,
        tags: Vec::new(),
        correlation_id: None,
    })
}

/// Reads an order of version 2 for a reader of version 1, and what follows to its end.
pub(crate) fn decode_v2_as_v1<const FAST: bool>(bytes: &[u8]) -> Read<OrderV1> {
    let input = &mut Input::<FAST> { bytes };
    let order = input.v1()?;
    input.skip_tail_of_v2()?;
    Ok(order)
}

/// As [`decode_v2_as_v1`], but leaves what follows unread.
pub(crate) fn decode_start_of_v2<const FAST: bool>(bytes: &[u8]) -> Read<OrderV1> {
    Input::<FAST> { bytes }.v1()
}

fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    if let Some(last) = bytes.last_chunk() {
        let all = bytes.chunks_exact(8).fold(u64::from_le_bytes(*last), |all, chunk| {
            all | u64::from_le_bytes(chunk.try_into().expect("a chunk has eight bytes"))
        });
        return all & HIGH_BITS == 0;
    }
    bytes.iter().fold(0, |all, byte| all | byte) < 0x80
}

/// Where bytes are written to; whoever makes one has reserved room for all that follows.
struct Output<const FAST: bool> {
    end: *mut u8,
}

impl<const FAST: bool> Output<FAST> {
    #[inline(always)]
    fn byte(&mut self, byte: u8) {
        // SAFETY: `write` has reserved room for a bound of the whole order.
        unsafe {
            *self.end = byte;
            self.end = self.end.add(1);
        }
    }

    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        let (length, from, to) = (bytes.len(), bytes.as_ptr(), self.end);
        macro_rules! overlapping {
            ($word:ty, $size:expr) => {{
                let first = from.cast::<$word>().read_unaligned();
                let last = from.add(length - $size).cast::<$word>().read_unaligned();
                to.cast::<$word>().write_unaligned(first);
                to.add(length - $size).cast::<$word>().write_unaligned(last);
            }};
        }
        // SAFETY: `write` has reserved room for a bound of the whole order; each branch stays inside `length` bytes.
        unsafe {
            match length {
                17..=32 if FAST => overlapping!(u128, 16),
                8..=16 if FAST => overlapping!(u64, 8),
                4..=7 if FAST => overlapping!(u32, 4),
                2..=3 if FAST => overlapping!(u16, 2),
                1 if FAST => *to = *from,
                _ => std::ptr::copy_nonoverlapping(from, to, length),
            }
            self.end = to.add(length);
        }
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the low seven bits are meant")]
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }

    #[inline(always)]
    fn long(&mut self, value: i64) {
        self.varint((value << 1 ^ value >> 63).cast_unsigned());
    }

    #[inline(always)]
    fn length(&mut self, length: usize) {
        self.varint((length as u64) << 1);
    }

    #[inline(always)]
    fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.put(bytes);
    }

    #[inline(always)]
    fn optional(&mut self, text: Option<&str>) {
        match text {
            None => self.byte(0),
            Some(text) => {
                self.byte(2);
                self.bytes(text.as_bytes());
            }
        }
    }

    #[inline(always)]
    fn list<T>(&mut self, count: usize, items: impl Iterator<Item = T>, mut item: impl FnMut(&mut Self, T)) {
        if count > 0 {
            self.length(count);
            items.for_each(|one| item(self, one));
        }
        self.byte(0);
    }

    #[inline(always)]
    fn v2(&mut self, order: &OrderV2) {
        self.bytes(order.order_id.as_bytes());
        self.bytes(order.customer_id.as_bytes());
        self.put(&order.amount.to_le_bytes());
        self.byte((order.currency as u8) << 1);
        self.long(order.created_at);
        self.list(order.items.len(), order.items.iter(), |output, item| {
            output.bytes(item.sku.as_bytes());
            output.long(item.quantity.into());
            output.long(item.unit_price_cents);
        });
        self.optional(order.discount_code.as_deref());
        self.list(order.attributes.len(), order.attributes.iter(), |output, (key, value)| {
            output.bytes(key.as_bytes());
            output.bytes(value.as_bytes());
        });
        let Address { street, city, region, postal_code, country } = &order.address;
        [street, city, region, postal_code, country].into_iter().for_each(|text| self.bytes(text.as_bytes()));
        self.bytes(&order.total);
        self.byte((order.status as u8) << 1);
        self.list(order.tags.len(), order.tags.iter(), |output, tag| output.bytes(tag.as_bytes()));
        self.optional(order.correlation_id.as_deref());
    }
}

/// Returns a number of bytes that the order never exceeds: ten for each varint, and all text.
#[inline(always)]
fn bound_v2(order: &OrderV2) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let Address { street, city, region, postal_code, country } = &order.address;
    let address = street.len() + city.len() + region.len() + postal_code.len() + country.len();
    let items = order.items.iter().map(|item| item.sku.len() + 25).sum::<usize>();
    let attributes = order.attributes.iter().map(|(key, value)| key.len() + value.len() + 20).sum::<usize>();
    let tags = order.tags.iter().map(|tag| tag.len() + 10).sum::<usize>();
    let texts = order.order_id.len() + order.customer_id.len() + text(&order.discount_code);
    let total = order.total.len() + text(&order.correlation_id);
    200 + address + items + attributes + tags + texts + total
}

/// Appends the order.
pub(crate) fn encode_v2<const FAST: bool>(order: &OrderV2, out: &mut Vec<u8>) {
    out.reserve(bound_v2(order));
    let start = out.len();
    // SAFETY: room for the bound was reserved, and `Output` wrote every byte before its end.
    unsafe {
        let begin = out.as_mut_ptr().add(start);
        let mut output = Output::<FAST> { end: begin };
        output.v2(order);
        let written = usize::try_from(output.end.offset_from(begin)).expect("the end is not before the start");
        out.set_len(start + written);
    }
}
