-- New versions of resources that stand at the version the caller has seen ($28); a row that has
-- moved on meanwhile is left alone and missing from the result. Locks are taken in key order.
with input as materialized (
  select i.*
  from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[], $5::int2[],
              $6::text[], $7::text[], $8::int[], $9::int[], $11::bigint[], $12::bigint[],
              $13::bigint[], $14::text[], $28::int[])
    as i(rk, seq, vid, ver, type, method, id, start, bytes, patient, lo, hi, tok, base)
), old as materialized (
  select r.rk, r.seq, r.vid, r.ver, r.type, r.method, r.id, r.content
  from resource r join input i on r.rk = i.rk and r.ver = i.base and r.id = i.id
  order by r.rk
  for update of r
), versions as (
  insert into history (rk, vid, ver, type, method, id, content)
  select rk, vid, ver, type, method, id, content from old
), resources as (
  update resource r
  set vid = i.vid, ver = i.ver, method = i.method::"char",
      content = convert_from(substr($10::bytea, i.start, i.bytes), 'UTF8')
  from input i join old o on o.rk = i.rk
  where r.rk = i.rk
), searches as (
  update search s
  set vid = i.vid, patient = i.patient, lo = i.lo, hi = i.hi, tok = i.tok::bigint[]
  from input i join old o on o.rk = i.rk
  where s.type = i.type and s.seq = i.seq
), no_strings as (
  delete from search_string where seq in (select seq from old)
), no_dates as (
  delete from search_date where seq in (select seq from old)
), no_numbers as (
  delete from search_number where seq in (select seq from old)
), strings as (
  insert into search_string (k, v, seq, part)
  select s.k, s.v, s.seq, s.part
  from unnest($15::bigint[], $16::text[], $17::bigint[], $18::boolean[]) as s(k, v, seq, part)
  where s.seq in (select seq from old)
), dates as (
  insert into search_date (k, lo, hi, seq)
  select d.k, d.lo, d.hi, d.seq
  from unnest($19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[]) as d(k, lo, hi, seq)
  where d.seq in (select seq from old)
), numbers as (
  insert into search_number (k, lo, hi, unit, seq)
  select n.k, n.lo, n.hi, n.unit, n.seq
  from unnest($23::bigint[], $24::float8[], $25::float8[], $26::bigint[], $27::bigint[])
    as n(k, lo, hi, unit, seq)
  where n.seq in (select seq from old)
)
select rk from old
