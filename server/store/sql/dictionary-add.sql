-- New words of all three dictionaries. In key order, so that two writers of the same words wait in
-- line and not in a ring.
with units as (
  insert into unit (h, system, code, unit, canon, factor, shift)
  select h, system, code, unit, canon, factor, shift
  from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::float8[],
              $7::float8[]) as u(h, system, code, unit, canon, factor, shift)
  order by h
  on conflict (h) do nothing
), sets as (
  insert into presence (h, type, codes)
  select h, type, string_to_array(codes, ' ')
  from unnest($8::bigint[], $9::int2[], $10::text[]) as p(h, type, codes)
  order by h
  on conflict (h) do nothing
)
insert into word_text (k, v, h)
select k, v, h from unnest($11::bigint[], $12::text[], $13::bigint[]) as t(k, v, h)
order by k, v, h
on conflict do nothing
