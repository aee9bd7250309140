-- The search rows of resources that stand at the version the caller has read ($2), worked out anew;
-- versions stay as they are. A row that has moved on was indexed by whoever moved it. What does not
-- change is not written. Locks are taken in key order, as by update.sql.
with input as materialized (
  select i.*
  from unnest($1::bigint[], $2::int[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
              $7::text[], $8::bigint[]) with ordinality
    as i(rk, ver, id, patient, lo, hi, tok, sides, n)
), old as materialized (
  select i.n, r.rk, r.seq, r.type, r.sides is distinct from i.sides as moves
  from resource r join input i on r.rk = i.rk and r.ver = i.ver and r.id = i.id
  order by r.rk
  for update of r
), resources as (
  update resource r
  set sides = i.sides, patient = i.patient
  from input i join old o on o.n = i.n
  where r.rk = i.rk and (o.moves or r.patient is distinct from i.patient)
), searches as (
  update search s
  set patient = i.patient, lo = i.lo, hi = i.hi, tok = i.tok::bigint[]
  from input i join old o on o.n = i.n
  where s.type = o.type and s.seq = o.seq
    and (s.patient, s.lo, s.hi, s.tok)
        is distinct from (i.patient, i.lo, i.hi, i.tok::bigint[])
), no_strings as (
  delete from search_string where seq in (select seq from old where moves)
), no_dates as (
  delete from search_date where seq in (select seq from old where moves)
), no_numbers as (
  delete from search_number where seq in (select seq from old where moves)
), no_texts as (
  delete from search_text where seq in (select seq from old where moves)
), strings as (
  insert into search_string (k, v, o, seq, part)
  select s.k, s.v, s.o, o.seq, s.part
  from unnest($9::int[], $10::bigint[], $11::text[], $12::text[], $13::boolean[])
    as s(n, k, v, o, part)
  join old o on o.n = s.n
  where o.moves
), dates as (
  insert into search_date (k, lo, hi, seq)
  select d.k, d.lo, d.hi, o.seq
  from unnest($14::int[], $15::bigint[], $16::bigint[], $17::bigint[]) as d(n, k, lo, hi)
  join old o on o.n = d.n
  where o.moves
), numbers as (
  insert into search_number (k, lo, hi, unit, seq)
  select m.k, m.lo, m.hi, m.unit, o.seq
  from unnest($18::int[], $19::bigint[], $20::float8[], $21::float8[], $22::bigint[])
    as m(n, k, lo, hi, unit)
  join old o on o.n = m.n
  where o.moves
), texts as (
  insert into search_text (seq, narrative, content)
  select o.seq, to_tsvector('simple', t.narrative), to_tsvector('simple', t.content)
  from unnest($23::int[], $24::text[], $25::text[]) as t(n, narrative, content)
  join old o on o.n = t.n
  where o.moves
)
select rk from old
